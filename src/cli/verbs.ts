/** Every verb of the command, loaded when it is asked for. Answers with the exit code. */
export type Verb = (args: string[]) => Promise<number>;

export const verbs: Record<string, Verb | undefined> = {
  up: async (args) => (await import('./verbs/up.ts')).up(args),
  down: async (args) => (await import('./verbs/down.ts')).down(args),
  status: async (args) => (await import('./verbs/status.ts')).status(args),
  doctor: async (args) => (await import('./verbs/doctor.ts')).doctor(args),
  'new-app': async (args) => (await import('./verbs/new-app.ts')).newApp(args),
  logs: async (args) => (await import('./verbs/logs.ts')).logs(args),
  rsh: async (args) => (await import('./verbs/rsh.ts')).rsh(args),
  get: async (args) => (await import('./verbs/get.ts')).get(args),
  tag: async (args) => (await import('./verbs/tag.ts')).tag(args),
  'import-image': async (args) => (await import('./verbs/import-image.ts')).importImage(args),
  'start-build': async (args) => (await import('./verbs/start-build.ts')).startBuild(args),
  'cancel-build': async (args) => (await import('./verbs/cancel-build.ts')).cancelBuild(args),
  rollout: async (args) => (await import('./verbs/rollout.ts')).rollout(args),
  rollback: async (args) => (await import('./verbs/rollback.ts')).rollback(args),
  scale: async (args) => (await import('./verbs/scale.ts')).scale(args),
  idle: async (args) => (await import('./verbs/idle.ts')).idle(args),
  prune: async (args) => (await import('./verbs/prune.ts')).prune(args),
};

export const usage = `Slipway: an application platform on your machine.

  slipway up [--home DIR] [--api-port N] [--detach]
             [--runtime sandbox|engine|process] [--engine URL] [--router haproxy]  start the platform
  slipway down                                                                   stop it and its apps
  slipway status [--output json]                                                 what runs, and where
  slipway doctor                                                                 what this machine has, and what is missing
  slipway new-app [<builder>~]<dir|git-url> [--name N] [--builder B] [--strategy source|docker]
                  [--ref R] [--context-dir D] [--port N] [--env K=V] [--no-wait]   build, deploy and route an application
  slipway start-build <build-config> [--from-dir D | --from-file F | --from-archive F | --from-repo D]
                  [--from-build B] [--from-webhook URL] [--commit C] [--env K=V]
                  [--build-arg K=V] [--incremental] [--no-cache] [--follow] [--wait]   start a build
  slipway cancel-build <build | bc/NAME>… [--state new,pending,running]          give builds up
  slipway logs [-f] <pod | build/NAME | dc/NAME> [-c CONTAINER]                  show a log
  slipway rsh <pod> [COMMAND…]                                                   open a shell in a pod
  slipway get <kind> [NAME] [-o json|yaml|name]                                  list objects
  slipway tag <image | stream:tag | stream@digest> <stream:tag>… [--alias] [--reference]
              [--scheduled] [--insecure] [--reference-policy source|local]       put an image under a tag of an image stream
  slipway tag -d <stream:tag>…                                                   take tags away
  slipway import-image <stream>[:TAG] [--from IMAGE] [--confirm] [--all]
                       [--scheduled] [--insecure] [--dry-run]                    look an image of another registry up, now
  slipway rollout <latest|history|undo|pause|resume|cancel|retry|restart|status> <dc/NAME | deploy/NAME | sts/NAME | ds/NAME>
                  [--revision N] [--to-revision N] [--again] [--no-watch] [--timeout 5m]   steer the rollout of a workload
  slipway rollback <dc/NAME> [--to-version N] [--change-strategy] [--change-triggers]
                   [--change-scaling-settings] [--dry-run]                       make a deployment config what it was
  slipway scale <kind/NAME> --replicas N                                         run more or fewer pods
  slipway idle <service>… | --all | -l SELECTOR [--dry-run]                      no pods until somebody connects
  slipway prune [images|builds|deployments] [--keep-younger-than 60m] [--keep-tag-revisions 3]
                [--keep-complete 5] [--keep-failed 1] [--orphans] [--confirm]    say what nobody needs, and with --confirm delete it

Every verb takes --home DIR (default ~/.slipway); those about objects take -n PROJECT.
kubectl works too: export KUBECONFIG=~/.slipway/kubeconfig
`;
