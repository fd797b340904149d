import { buildConfigChoice } from '../choices.ts';
import type { Command } from '../command.ts';
import { objectFor } from '../target.ts';
import { startBuild } from './start-build.ts';

export const startBuildCommand: Command = {
  id: 'slipway.build.start',
  async run(context, target) {
    const config = await objectFor(context.session, target, buildConfigChoice());
    const build = await startBuild(context, config);
    await context.build.show([build], { announce: true });
    return build.metadata.name;
  },
};
