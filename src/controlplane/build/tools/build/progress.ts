/** Tells how far the build is: lines for people, marked lines for the build controller, and a termination message that fits its 4096 bytes. */
import { everyStep, mergeStep, progressMark, type BuildStep, type BuildTermination, type StepProgress } from '../../../../protocol/build-progress.ts';
import type { StageName } from '../../../../api/kinds/build.ts';
import type { BuildFailure } from './failure.ts';

type Stage = BuildTermination['stages'][number];

export class Progress {
  readonly #write: (line: string) => void;
  readonly #now: () => Date;
  #steps: StepProgress[] = everyStep.map((step) => ({ step, state: 'waiting' }));
  readonly #stages: Stage[] = [];
  #running: BuildStep | undefined;

  constructor(write: (line: string) => void, now: () => Date) {
    this.#write = write;
    this.#now = now;
  }

  /** A line for people. */
  say(text: string): void {
    this.#write(text);
  }

  /** Runs one of the build's steps; `done` says what to show beside it. */
  async step<T>(step: BuildStep, work: () => Promise<T>, detail: (value: T) => string | undefined = () => undefined): Promise<T> {
    this.#running = step;
    this.#tell({ step, state: 'running', startedAt: this.#now().toISOString() });
    const value = await work();
    const text = detail(value);
    this.#tell({ step, state: 'done', finishedAt: this.#now().toISOString(), ...(text && { detail: text }) });
    this.#running = undefined;
    return value;
  }

  /** What the step that runs is at. */
  detail(step: BuildStep, detail: string): void {
    this.#tell({ step, state: 'running', detail });
  }

  /** Runs one of OpenShift's stages with the step of its own that it consists of. */
  async stage<T>(name: StageName, step: string, work: () => Promise<T>): Promise<T> {
    const start = this.#now();
    try {
      return await work();
    } finally {
      const durationMilliseconds = this.#now().getTime() - start.getTime();
      const startTime = `${start.toISOString().slice(0, 19)}Z`;
      this.#stages.push({ name, startTime, durationMilliseconds, steps: [{ name: step, startTime, durationMilliseconds }] });
    }
  }

  /** The step that runs ends badly. */
  fail(failure: BuildFailure): void {
    if (this.#running) this.#tell({ step: this.#running, state: 'failed', finishedAt: this.#now().toISOString(), detail: failure.message.slice(0, 200) });
    this.#running = undefined;
  }

  termination(extra: Omit<BuildTermination, 'stages' | 'steps'>): BuildTermination {
    return { ...extra, stages: this.#stages, steps: this.#steps.filter((one) => one.state !== 'waiting') };
  }

  #tell(change: StepProgress): void {
    this.#steps = mergeStep(this.#steps, change);
    this.#write(`${progressMark}${JSON.stringify(this.#steps.find((one) => one.step === change.step))}`);
  }
}

/** The kubelet's limit on termination messages. */
const terminationLimit = 4096;

/** JSON of at most 4096 bytes: the log snippet is cut from its front, then texts and steps are given up. */
export function encodeTermination(termination: BuildTermination): string {
  const fits = (value: BuildTermination) => Buffer.byteLength(JSON.stringify(value)) <= terminationLimit;
  let value = termination;
  if (!fits(value)) value = { ...value, steps: value.steps.map(({ detail: _, ...rest }) => rest) };
  while (!fits(value) && value.logSnippet) value = { ...value, logSnippet: value.logSnippet.slice(Math.ceil(value.logSnippet.length / 4)) };
  if (!fits(value) && value.message) value = { ...value, message: value.message.slice(0, 500) };
  if (!fits(value) && value.revision) value = { ...value, revision: { ...value.revision, message: value.revision.message.slice(0, 80) } };
  return JSON.stringify(fits(value) ? value : { ...value, steps: [] });
}
