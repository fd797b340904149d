import type { ImageStream, NamedTagEventList, TagEvent } from '../../../api/kinds/image.ts';
import { shortDigest, sizeText, tagsOf, type Layer } from '../../images/image-facts.ts';
import { tooltipOf, type Presentation, type Translate } from '../node.ts';

export function presentImageStream(stream: ImageStream, t: Translate): Presentation {
  const tags = tagsOf(stream);
  const failed = tags.filter((tag) => refusalOf(tag) !== undefined).length;
  return {
    label: stream.metadata.name,
    description: tags.length === 0 ? t('no tags') : tags.map(({ tag }) => tag).join(', '),
    icon: 'package',
    ...(failed > 0 && { colour: 'list.warningForeground' as const }),
    tooltip: tooltipOf(stream.metadata.name, [
      [t('Registry'), stream.status?.publicDockerImageRepository ?? stream.status?.dockerImageRepository], [t('Tags'), tags.length], [t('Imports that failed'), failed || undefined], [t('Created'), stream.metadata.creationTimestamp],
    ]),
    contextValue: 'imagestream',
    accessibility: t('Image stream {0}, {1} tags', stream.metadata.name, tags.length),
    expand: 'collapsed',
  };
}

export function presentTag(stream: ImageStream, tag: NamedTagEventList, t: Translate): Presentation {
  const [newest] = tag.items ?? [];
  const refusal = refusalOf(tag);
  const from = stream.spec.tags?.find(({ name }) => name === tag.tag)?.from;
  return {
    label: tag.tag,
    description: refusal ? t('import failed') : newest ? shortDigest(newest.image) : t('no image yet'),
    icon: refusal ? 'error' : 'tag',
    ...(refusal ? { colour: 'testing.iconFailed' as const } : !newest && { colour: 'disabledForeground' as const }),
    tooltip: tooltipOf(`${stream.metadata.name}:${tag.tag}`, [[t('Image'), newest?.dockerImageReference], [t('Since'), newest?.created], [t('Images it had'), tag.items?.length], [t('Follows'), from?.name], [t('Reason'), refusal]]),
    contextValue: ['imagetag', newest && 'image', from?.kind === 'DockerImage' && 'import'].filter(Boolean).join('.'),
    accessibility: refusal ? t('Tag {0}, import failed', tag.tag) : t('Tag {0}', tag.tag),
    ...(newest && { expand: 'collapsed' as const }),
  };
}

/** One image that a tag has or had. `index`: 0 for the one it has. */
export function presentHistory({ image, created, dockerImageReference }: TagEvent, index: number, t: Translate): Presentation {
  const current = index === 0;
  return {
    label: shortDigest(image),
    description: [current && t('current'), created.replace('T', ' ').replace(/:\d\dZ$/, '')].filter(Boolean).join(' · '),
    icon: current ? 'pass-filled' : 'history',
    colour: current ? 'testing.iconPassed' : 'disabledForeground',
    tooltip: tooltipOf(image, [[t('Image'), dockerImageReference], [t('Since'), created]]),
    contextValue: current ? 'image.current' : 'image.past',
    accessibility: current ? t('Image {0}, current', shortDigest(image)) : t('Image {0}', shortDigest(image)),
    expand: 'collapsed',
    command: 'slipway.image.show',
  };
}

export function presentLayer(layer: Layer, index: number, t: Translate): Presentation {
  const command = layer.command ?? t('Layer {0}', index + 1);
  return {
    // Commands are longer than a row: what is compared comes first.
    label: sizeText(layer.size),
    description: command,
    icon: 'layers',
    tooltip: tooltipOf(t('Layer {0}', index + 1), [[t('Size'), sizeText(layer.size)], [t('Command'), layer.command], [t('Created'), layer.created], [t('Digest'), layer.digest]]),
    contextValue: 'layer',
    accessibility: `${command}, ${sizeText(layer.size)}`,
  };
}

/** Why the last import of the tag failed, if it did. */
export function refusalOf({ conditions }: NamedTagEventList): string | undefined {
  const failed = conditions?.find(({ type, status }) => type === 'ImportSuccess' && status === 'False');
  return failed && (failed.message ?? failed.reason ?? 'ImportSuccess: False');
}

