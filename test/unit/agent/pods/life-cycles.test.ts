/**
 * Lives of pods as documents: what is seen of a pod at a time → what is done and what its status tells. A step's status is what the next one starts from.
 * `sees`: `web exit 1 3 @20` is the instance 1 of `web`, which ended with code 3 after 20 s; see pod-documents.ts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { planPod } from '../../../../src/agent/pods/pod-plan.ts';
import { emptyMemory, type ObservedContainer, type PodMemory, type PodNotice, type ProbeState, type StartFailure } from '../../../../src/agent/pods/pod-view.ts';
import { podStatus } from '../../../../src/agent/status/pod-status.ts';
import type { ContainerStatus, Pod, PodStatus } from '../../../../src/api/kinds/core.ts';
import { summarizePod } from '../../../../src/api/pod-summary.ts';
import { at, instance, observed, pod, sandbox, startOfTime, time } from '../../../support/agent/pod-documents.ts';
import { planLines } from '../../../support/agent/plan-lines.ts';

interface Step {
  /** Seconds. */
  at: number;
  /** Default: one that is ready. */
  sandbox?: 'none' | 'lost';
  sees?: string[];
  /** More of an instance, by its id (`web-0`). */
  facts?: Record<string, Partial<ObservedContainer>>;
  probes?: Record<string, ProbeState>;
  failed?: Record<string, StartFailure>;
  /** Changes of the pod itself; times in seconds. */
  metadata?: { deletionTimestamp?: number; deletionGracePeriodSeconds?: number };
  spec?: Partial<Pod['spec']>;
  /** Conditions that others have set. */
  others?: PodNotice[];
  resize?: PodNotice;
  gone?: boolean;

  does?: string[];
  /** Messages of what is stopped. */
  says?: string[];
  held?: string[];
  again?: number;
  ends?: string;
  finished?: boolean;
  /** `<phase> <the line of kubectl get pods>`. */
  tells?: string;
  reason?: string;
  conditions?: Record<string, string>;
  states?: Record<string, string>;
}

interface Story {
  story: string;
  pod: Pod['spec'];
  steps: Step[];
}

const folder = fileURLToPath(new URL('../../../fixtures/pod-lives', import.meta.url));
const stories = readdirSync(folder).map((name) => ({ name: path.parse(name).name, document: parse(readFileSync(path.join(folder, name), 'utf8')) as Story }));

describe.each(stories)('$name', ({ document }) => {
  test(document.story, () => {
    let subject = pod(document.pod);
    let memory: PodMemory = emptyMemory;
    for (const step of document.steps) {
      subject = changed(subject, step);
      memory = { ...memory, probes: step.probes ?? {}, startFailures: failures(step.failed) ?? memory.startFailures, ...(step.resize && { resize: step.resize }) };
      const sandboxes = step.sandbox === 'none' ? [] : [sandbox(step.sandbox !== 'lost')];
      const seen = observed((step.sees ?? []).map((text) => see(text, step.facts)), sandboxes);
      const plan = planPod(subject, seen, memory, time(step.at), step.gone);
      if (plan.ended) memory = { ...memory, ended: plan.ended };
      const status = podStatus({ pod: subject, observed: seen, memory, waiting: plan.waiting, hostIp: '100.64.0.2', now: time(step.at) });
      memory = { ...memory, backoff: { ...memory.backoff, ...plan.backoff } };

      const told: Partial<Step> = {
        at: step.at,
        does: planLines(plan),
        held: plan.heldBack,
        finished: plan.finished,
        ...(step.says && { says: plan.actions.flatMap((action) => (action.type === 'stopContainer' ? [action.message] : [])) }),
        ...(step.again !== undefined && { again: ((plan.recheckAt ?? NaN) - startOfTime) / 1000 }),
        ...(step.ends !== undefined && { ends: plan.ended?.reason ?? '' }),
        ...(step.tells !== undefined && { tells: line(subject, status, step.at) }),
        ...(step.reason !== undefined && { reason: `${status.reason}: ${status.message}` }),
        ...(step.conditions && { conditions: pick(conditions(status), step.conditions) }),
        ...(step.states && { states: pick(states(status), step.states) }),
      };
      const { at: when, does = [], held = [], finished = false, says, again, ends, tells, reason, conditions: wantedConditions, states: wantedStates } = step;
      const wanted = { at: when, does, held, finished, ...(says && { says }), ...(again !== undefined && { again }), ...(ends !== undefined && { ends }), ...(tells !== undefined && { tells }), ...(reason !== undefined && { reason }), ...(wantedConditions && { conditions: wantedConditions }), ...(wantedStates && { states: wantedStates }) };
      expect(told).toEqual(wanted);
      if (!step.gone) subject = { ...subject, status };
    }
  });
});

function changed(before: Pod, { metadata, spec, others }: Step): Pod {
  const { deletionTimestamp, ...rest } = metadata ?? {};
  const conditions = [...(before.status?.conditions ?? []).filter(({ type }) => !others?.some((other) => other.type === type)), ...(others ?? [])];
  return {
    ...before,
    metadata: { ...before.metadata, ...rest, ...(deletionTimestamp !== undefined && { deletionTimestamp: at(deletionTimestamp) }) },
    spec: { ...before.spec, ...spec },
    ...(before.status && { status: { ...before.status, conditions } as PodStatus }),
  };
}

function failures(failed: Step['failed']): PodMemory['startFailures'] | undefined {
  return failed && Object.fromEntries(Object.entries(failed).map(([name, failure]) => [name, { ...failure, at: startOfTime + failure.at * 1000, retryAt: startOfTime + failure.retryAt * 1000 }]));
}

function see(text: string, facts: Step['facts']): ObservedContainer {
  const [name = '', ...rest] = text.split(' ');
  const one = instance(name, rest.join(' '));
  return { ...one, ...facts?.[one.id] };
}

function line(subject: Pod, status: PodStatus, seconds: number): string {
  const { ready, status: text, restarts } = summarizePod({ ...subject, status }, time(seconds));
  return `${status.phase} ${ready} ${text} ${restarts}`;
}

function conditions({ conditions: all = [] }: PodStatus): Record<string, string> {
  return Object.fromEntries(all.map(({ type, status, reason, message }) => [type, `${status}${reason ? ` ${reason}` : ''}${message ? `: ${message}` : ''}`]));
}

function states({ containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] }: PodStatus): Record<string, string> {
  return Object.fromEntries([...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].map((one) => [one.name, stateText(one)]));
}

function stateText({ state, lastState, started }: ContainerStatus): string {
  const { running, waiting, terminated } = state ?? {};
  const last = lastState?.terminated;
  const now = running ? `running${started === false ? ' not started' : ''}` : waiting ? `waiting ${waiting.reason}${waiting.message ? `: ${waiting.message}` : ''}` : `terminated ${terminated?.reason} ${terminated?.exitCode}${terminated?.message ? `: ${terminated.message}` : ''}`;
  return last ? `${now} after ${last.reason} ${last.exitCode}` : now;
}

function pick(all: Record<string, string>, wanted: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.keys(wanted).map((name) => [name, all[name] ?? 'none']));
}
