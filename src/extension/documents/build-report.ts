/** A build in words for comparing: what it was made of, how long each step took, and its log. Pure. */
import { durationText } from '../../api/duration.ts';
import { strategyType, type Build } from '../../api/kinds/build.ts';
import type { Translate } from '../explorer/node.ts';
import { builderText, causeText, commitText, sourceText } from '../explorer/presenters/build.ts';
import { stateWord } from '../explorer/state-words.ts';
import { stepProgress } from '../panels/build-steps.ts';
import { table } from './text-table.ts';

export interface ReportWords {
  t: Translate;
  /** Title of a step. */
  step(step: string, strategy: ReturnType<typeof strategyType>): string;
}

/** `against`: durations tell how they differ from its. `log`: lines without times. */
export function buildReport(build: Build, log: readonly string[], against: Build | undefined, { t, step }: ReportWords): string {
  const { spec, status, metadata } = build;
  const author = spec.revision?.git?.author;
  const strategy = strategyType(spec.strategy);
  const before = against && new Map(stepTimes(against).map(([name, took]) => [name, took]));
  const total = totalOf(build);
  const facts: [string, string | undefined][] = [
    [t('Build'), metadata.name], [t('State'), [stateWord(status.phase, t), status.message ?? status.reason].filter(Boolean).join(': ')], [t('Commit'), commitText(build)],
    [t('Author'), author?.name && [author.name, author.email && `<${author.email}>`].filter(Boolean).join(' ')], [t('Source'), [sourceText(spec.source, t), spec.source?.contextDir].filter(Boolean).join(' · ')],
    [t('Trigger'), causeText(build, t)], [t('Strategy'), strategy], [t('Builder'), builderText(build)], [t('Started'), status.startTimestamp], [t('Image'), status.output?.to?.imageDigest],
  ];
  const steps = stepTimes(build).map(([name, took]): [string, string] => [step(name, strategy), took === undefined ? '-' : timeText(took, before?.get(name))]);
  const rows: [string, string][] = [...steps, ...(total === undefined ? [] : [[t('Elapsed'), timeText(total, against && totalOf(against))] as [string, string]])];
  return [...table(facts.filter((fact): fact is [string, string] => Boolean(fact[1]))), '', ...table(rows), '', ...log, ''].join('\n');
}

/** `12 s`, `12 s (+3.0 s)`: what is shorter than anybody notices is no difference. */
function timeText(took: number, before: number | undefined): string {
  const difference = before === undefined ? 0 : took - before;
  return Math.abs(difference) < 100 ? durationText(took) : `${durationText(took)} (${difference > 0 ? '+' : '-'}${durationText(Math.abs(difference))})`;
}

function stepTimes(build: Build): [string, number | undefined][] {
  return stepProgress(build).map(({ step, startedAt, finishedAt }) => [step, startedAt && finishedAt ? Date.parse(finishedAt) - Date.parse(startedAt) : undefined]);
}

function totalOf({ status }: Build): number | undefined {
  return status.duration ? status.duration / 1e6 : undefined;
}
