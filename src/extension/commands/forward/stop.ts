import type { Command } from '../command.ts';
import { chosenForward } from './chosen.ts';

export const stopForwardCommand: Command = {
  id: 'slipway.forward.stop',
  run: async ({ forwards }, target) => forwards.stop((await chosenForward(forwards, target)).id),
};

export const stopAllForwardsCommand: Command = {
  id: 'slipway.forward.stopAll',
  run: ({ forwards }) => forwards.stopAll(),
};
