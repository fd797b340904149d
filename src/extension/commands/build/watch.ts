import { builds, type Build } from '../../../api/kinds/build.ts';
import { buildChoice } from '../choices.ts';
import type { Command } from '../command.ts';
import { objectFor, selectedObjects } from '../target.ts';

/** Shows a build, or all selected ones side by side. */
export const watchBuildCommand: Command = {
  id: 'slipway.build.watch',
  async run({ session, build }, target, selected) {
    const chosen = selectedObjects(target, selected).filter(({ of }) => of.plural === builds.plural).map(({ object }) => object as Build);
    await build.show(chosen.length > 0 ? chosen : [await objectFor(session, target, buildChoice())]);
  },
};
