import { finishedPhases, type Build, type BuildConfig, type BuildPhase } from '../../../api/kinds/build.ts';
import { tooltipOf, type IconColour, type Presentation, type Translate } from '../node.ts';

const looks: Record<BuildPhase, [string, IconColour]> = {
  New: ['circle-outline', 'disabledForeground'],
  Pending: ['sync~spin', 'charts.blue'],
  Running: ['sync~spin', 'charts.blue'],
  Complete: ['pass', 'testing.iconPassed'],
  Failed: ['error', 'testing.iconFailed'],
  Error: ['error', 'testing.iconFailed'],
  Cancelled: ['circle-slash', 'disabledForeground'],
};

export function isActive(build: Build): boolean {
  return !finishedPhases.includes(build.status.phase);
}

export function presentBuild(build: Build, t: Translate): Presentation {
  const { phase, duration, message, reason } = build.status;
  const [icon, colour] = looks[phase] ?? looks.New;
  return {
    label: build.metadata.name,
    description: phase === 'Complete' && duration ? `${phase} · ${(duration / 1e9).toFixed(1)} s` : phase,
    icon,
    colour,
    tooltip: tooltipOf(build.metadata.name, [
      [t('State'), phase], [t('Builder'), build.spec.strategy.sourceStrategy?.from.name], [t('Source'), build.spec.source?.git?.uri ?? build.spec.source?.type], [t('Commit'), build.spec.revision?.git?.commit?.slice(0, 8)],
      [t('Started'), build.status.startTimestamp], [t('Image'), build.status.outputDockerImageReference], [t('Reason'), message ?? reason],
    ]),
    contextValue: isActive(build) ? 'build.active' : 'build',
    accessibility: t('Build {0}, {1}', build.metadata.name, phase),
    command: 'slipway.build.watch',
  };
}

export function presentBuildConfig(config: BuildConfig, newest: Build | undefined, t: Translate): Presentation {
  return {
    label: config.metadata.name,
    description: newest ? `#${config.status?.lastVersion ?? 0} · ${newest.status.phase}` : '',
    icon: 'tools',
    tooltip: tooltipOf(config.metadata.name, [
      [t('Source'), config.spec.source?.git?.uri ?? config.spec.source?.type], [t('Builder'), config.spec.strategy.sourceStrategy?.from.name], [t('Output'), config.spec.output?.to?.name], [t('Last build'), newest?.metadata.name],
    ]),
    contextValue: 'buildconfig',
    accessibility: t('Build config {0}', config.metadata.name),
    expand: 'collapsed',
  };
}
