import { onTestFailed, test } from 'vitest';

/** Tests that tell one story: each goes on from the one before, and what follows a failed one is skipped. `shot` takes a picture of the failure. */
export function story(shot: (name: string) => Promise<void>): (name: string, run: () => Promise<void>) => void {
  let failed = false;
  return (name, run) => {
    test(name, async ({ skip }) => {
      if (failed) skip('an earlier part of the story failed');
      onTestFailed(() => {
        failed = true;
        return shot(`failed-${name.replace(/\W+/g, '-').slice(0, 40)}`);
      });
      await run();
    });
  };
}
