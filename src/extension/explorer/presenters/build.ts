import { durationText } from '../../../api/duration.ts';
import { buildAnnotations, finishedPhases, strategyFrom, strategyType, type Build, type BuildConfig, type BuildPhase, type BuildSource } from '../../../api/kinds/build.ts';
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
  const { phase, duration, message, reason, startTimestamp } = build.status;
  const [icon, colour] = looks[phase] ?? looks.New;
  const state = stateWord(phase, t);
  return {
    label: build.metadata.name,
    description: finishedPhases.includes(phase) && duration ? `${state} · ${durationText(duration / 1e6)}` : state,
    ...(phase === 'Running' && startTimestamp && { since: startTimestamp }),
    icon,
    colour,
    tooltip: tooltipOf(build.metadata.name, [
      [t('State'), state], [t('Trigger'), causeText(build, t)], [t('Commit'), commitText(build)], [t('Builder'), builderText(build)], [t('Source'), sourceText(build.spec.source, t)],
      [t('Started'), startTimestamp], [t('Image'), build.status.outputDockerImageReference], [t('Reason'), message ?? reason],
    ]),
    contextValue: isActive(build) ? 'build.active' : 'build',
    accessibility: t('Build {0}, {1}', build.metadata.name, state),
    command: 'slipway.build.watch',
  };
}

/** `saving`: a save builds it anew. */
export function presentBuildConfig(config: BuildConfig, newest: Build | undefined, t: Translate, saving = false): Presentation {
  const last = newest && `#${config.status?.lastVersion ?? 0} · ${stateWord(newest.status.phase, t)}`;
  return {
    label: config.metadata.name,
    description: [last, saving && t('on save')].filter(Boolean).join(' · '),
    icon: 'tools',
    tooltip: tooltipOf(config.metadata.name, [
      [t('Source'), sourceText(config.spec.source, t)], [t('Strategy'), strategyType(config.spec.strategy)], [t('Builder'), strategyFrom(config.spec.strategy)?.name], [t('Output'), config.spec.output?.to?.name], [t('Last build'), newest?.metadata.name],
    ]),
    contextValue: saving ? 'buildconfig.saving' : 'buildconfig',
    accessibility: newest ? t('Build config {0}, last build {1}', config.metadata.name, stateWord(newest.status.phase, t)) : t('Build config {0}', config.metadata.name),
    expand: 'collapsed',
  };
}

/** Where a build's source comes from; a password in a URL is nobody's to read. */
export function sourceText(source: BuildSource | undefined, t: Translate): string {
  if (source?.git) return `${source.git.uri.replace(/^(\w+:\/\/)[^@/]*@/, '$1')}${source.git.ref ? `#${source.git.ref}` : ''}`;
  return source?.type === 'Binary' || source?.binary ? t('folder') : (source?.type ?? '');
}

/** What started it, in the user's language where everybody meets it. */
export function causeText({ spec }: Build, t: Translate): string {
  const known: Record<string, string> = {
    'Manually triggered': t('started by hand'), 'Build configuration change': t('the build config changed'), 'Image change': t('a new image'),
  };
  return (spec.triggeredBy ?? []).map(({ message = '', imageChangeBuild }) => [known[message] ?? message, imageChangeBuild?.fromRef?.name].filter(Boolean).join(': ')).filter(Boolean).join(', ');
}

/** `1a2b3c4d Fix the header` */
export function commitText({ spec }: Build): string | undefined {
  const { commit, message } = spec.revision?.git ?? {};
  return commit && `${commit.slice(0, 8)} ${message?.split('\n')[0] ?? ''}`.trim();
}

/** The builder by its name: the spec of a build names its digest. */
export function builderText({ metadata, spec }: Build): string {
  return metadata.annotations?.[buildAnnotations.builder] ?? strategyFrom(spec.strategy)?.name?.replace(/^.*\/([^/@]+)@sha256:.*$/, '$1') ?? strategyType(spec.strategy) ?? '';
}
