import type { Pod } from '../../../api/kinds/core.ts';
import { podChoice } from '../choices.ts';
import type { Command } from '../command.ts';
import { isNode, objectFor, selectedObjects } from '../target.ts';

/** Streams the log of one pod, or of all selected ones side by side. */
export const podLogsCommand: Command = {
  id: 'slipway.pod.logs',
  async run({ session, logs }, target, selected) {
    const several = selectedObjects(target, selected).map((node) => node.object as Pod);
    const pods = several.length > 1 ? several : [await objectFor(session, target, podChoice())];
    await logs.show(pods, isNode(target) ? target.container : undefined);
  },
};
