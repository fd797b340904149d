import { buildAnnotations, finishedPhases, type Build, type BuildConfig, type BuildPhase, type BuildSource } from '../../../api/kinds/build.ts';
import { tooltipOf, type IconColour, type Presentation, type Translate } from '../node.ts';
import { stateWord } from '../state-words.ts';

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
  const state = stateWord(phase, t);
  return {
    label: build.metadata.name,
    description: phase === 'Complete' && duration ? `${state} · ${(duration / 1e9).toFixed(1)} s` : state,
    icon,
    colour,
    tooltip: tooltipOf(build.metadata.name, [
      [t('State'), state], [t('Builder'), builderText(build)], [t('Source'), sourceText(build.spec.source, t)], [t('Commit'), build.spec.revision?.git?.commit?.slice(0, 8)],
      [t('Started'), build.status.startTimestamp], [t('Image'), build.status.outputDockerImageReference], [t('Reason'), message ?? reason],
    ]),
    contextValue: isActive(build) ? 'build.active' : 'build',
    accessibility: t('Build {0}, {1}', build.metadata.name, state),
    command: 'slipway.build.watch',
  };
}

export function presentBuildConfig(config: BuildConfig, newest: Build | undefined, t: Translate): Presentation {
  return {
    label: config.metadata.name,
    description: newest ? `#${config.status?.lastVersion ?? 0} · ${stateWord(newest.status.phase, t)}` : '',
    icon: 'tools',
    tooltip: tooltipOf(config.metadata.name, [
      [t('Source'), sourceText(config.spec.source, t)], [t('Builder'), config.spec.strategy.sourceStrategy?.from.name], [t('Output'), config.spec.output?.to?.name], [t('Last build'), newest?.metadata.name],
    ]),
    contextValue: 'buildconfig',
    accessibility: newest ? t('Build config {0}, last build {1}', config.metadata.name, stateWord(newest.status.phase, t)) : t('Build config {0}', config.metadata.name),
    expand: 'collapsed',
  };
}

/** Where a build's source comes from; a password in a URL is nobody's to read. */
export function sourceText(source: BuildSource | undefined, t: Translate): string {
  if (source?.git) return `${source.git.uri.replace(/^(\w+:\/\/)[^@/]*@/, '$1')}${source.git.ref ? `#${source.git.ref}` : ''}`;
  return source?.type === 'Binary' || source?.binary ? t('folder') : (source?.type ?? '');
}

/** The builder by its name: the spec of a build names its digest. */
export function builderText({ metadata, spec }: Build): string {
  return metadata.annotations?.[buildAnnotations.builder] ?? spec.strategy.sourceStrategy?.from.name?.replace(/^.*\/([^/@]+)@sha256:.*$/, '$1') ?? spec.strategy.type ?? '';
}
