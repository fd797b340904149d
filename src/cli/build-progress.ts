/** Shows a build in a terminal: its steps as they are reached, its log as it comes. */
import type { Writable } from 'node:stream';
import type { Build } from '../api/kinds/build.ts';
import { followBuild } from '../client/apps/follow-app.ts';
import type { Client } from '../client/client.ts';
import { stepsAnnotation, type StepProgress } from '../protocol/build-progress.ts';

/** True if the build completed. */
export async function showBuild(client: Client, at: { namespace: string; name: string }, out: Writable): Promise<boolean> {
  const told = new Set<string>();
  const build = await followBuild(client, at, (state) => {
    for (const step of stepsOf(state)) {
      const key = `${step.step} ${step.state}`;
      if (told.has(key) || step.state === 'waiting' || step.state === 'skipped') continue;
      told.add(key);
      if (step.state === 'running') out.write(`  … ${step.step}\n`);
      else out.write(`  ${step.state === 'failed' ? '✗' : '✓'} ${step.step}${took(step)}${step.detail ? ` ${step.detail}` : ''}\n`);
    }
  });
  if (build.status.phase === 'Complete') {
    out.write(`build ${at.name} complete${build.status.duration ? ` in ${(build.status.duration / 1e9).toFixed(1)} s` : ''}\n`);
    return true;
  }
  out.write(`build ${at.name} ${build.status.phase.toLowerCase()}: ${build.status.message ?? build.status.reason ?? 'no reason given'}\n`);
  if (build.status.logSnippet) out.write(`${build.status.logSnippet.replace(/^/gm, '    ')}\n`);
  out.write(`See the whole log with: slipway logs build/${at.name} -n ${at.namespace}\n`);
  return false;
}

function stepsOf(build: Build): StepProgress[] {
  try {
    return JSON.parse(build.metadata.annotations?.[stepsAnnotation] ?? '[]') as StepProgress[];
  } catch {
    return [];
  }
}

function took(step: StepProgress): string {
  if (!step.startedAt || !step.finishedAt) return '';
  return ` ${((Date.parse(step.finishedAt) - Date.parse(step.startedAt)) / 1000).toFixed(1)} s`;
}
