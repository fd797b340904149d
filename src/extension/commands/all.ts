/** Every command, in the order of the path an application takes. */
import { copyWebhookCommand } from './build-config/copy-webhook.ts';
import { cancelBuildCommand } from './build/cancel.ts';
import { cloneBuildCommand } from './build/clone.ts';
import { compareBuildsCommand } from './build/compare.ts';
import { startBuildCommand } from './build/start.ts';
import { startWithOptionsCommand } from './build/start-with-options.ts';
import { watchBuildCommand } from './build/watch.ts';
import { createAppCommand } from './app/create.ts';
import { rebuildOnSaveCommand, stopRebuildOnSaveCommand } from './app/rebuild-on-save.ts';
import type { Command } from './command.ts';
import { scaleCommand, scaleDownCommand, scaleUpCommand } from './deployment/scale.ts';
import { deleteApplicationCommand, deleteCommands } from './object/delete.ts';
import { cancelRolloutCommand, pauseRolloutCommand, restartCommand, resumeRolloutCommand, retryRolloutCommand, startRolloutCommand } from './rollout/act.ts';
import { showRolloutCommand } from './rollout/show.ts';
import { compareRevisionsCommand, undoRolloutCommand } from './rollout/undo.ts';
import { copyPullSpecCommand } from './image/copy-pull-spec.ts';
import { importImageCommand } from './image/import.ts';
import { showImageCommand } from './image/show.ts';
import { rollBackImageCommand, tagImageCommand } from './image/tag.ts';
import { untagImageCommand } from './image/untag.ts';
import { showEventsCommand } from './object/events.ts';
import { copyNameCommand, describeCommand, yamlCommand } from './object/look.ts';
import { doctorCommand } from './platform/doctor.ts';
import { startPlatformCommand } from './platform/start.ts';
import { statusMenuCommand } from './platform/status-menu.ts';
import { restartPlatformCommand, stopPlatformCommand } from './platform/stop.ts';
import { switchClusterCommand } from './platform/switch-cluster.ts';
import { listForwardsCommand } from './forward/list.ts';
import { copyForwardCommand, openForwardCommand } from './forward/open.ts';
import { startForwardCommand } from './forward/start.ts';
import { stopAllForwardsCommand, stopForwardCommand } from './forward/stop.ts';
import { debugPodCommand } from './pod/debug.ts';
import { podLogsCommand } from './pod/logs.ts';
import { podShellCommand } from './pod/shell.ts';
import { createProjectCommand } from './project/create.ts';
import { deleteProjectCommand } from './project/delete.ts';
import { switchProjectCommand } from './project/switch.ts';
import { splitTrafficCommand } from './route/split.ts';
import { copyUrlCommand, openRouteCommand } from './route/open.ts';

export const allCommands: readonly Command[] = [
  startPlatformCommand, stopPlatformCommand, restartPlatformCommand, doctorCommand, statusMenuCommand, switchClusterCommand,
  createProjectCommand, switchProjectCommand, deleteProjectCommand,
  createAppCommand, rebuildOnSaveCommand, stopRebuildOnSaveCommand, deleteApplicationCommand,
  startBuildCommand, startWithOptionsCommand, watchBuildCommand, cancelBuildCommand, cloneBuildCommand, compareBuildsCommand, copyWebhookCommand,
  showImageCommand, tagImageCommand, importImageCommand, rollBackImageCommand, untagImageCommand, copyPullSpecCommand,
  showRolloutCommand, startRolloutCommand, undoRolloutCommand, compareRevisionsCommand, pauseRolloutCommand, resumeRolloutCommand, cancelRolloutCommand, retryRolloutCommand, restartCommand,
  scaleCommand, scaleUpCommand, scaleDownCommand,
  podLogsCommand, podShellCommand, debugPodCommand,
  startForwardCommand, openForwardCommand, copyForwardCommand, stopForwardCommand, stopAllForwardsCommand, listForwardsCommand,
  openRouteCommand, copyUrlCommand, splitTrafficCommand,
  describeCommand, showEventsCommand, yamlCommand, copyNameCommand,
  ...deleteCommands,
];
