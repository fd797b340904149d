/** An image in words: what it came from, its layers, its configuration, who uses it. Pure. */
import type { Image } from '../../api/kinds/image.ts';
import type { Translate } from '../explorer/node.ts';
import { historyOf, layersOf, originOf, sizeText, totalSize } from '../images/image-facts.ts';
import type { ImageUser, Use } from '../images/image-users.ts';
import { table } from './text-table.ts';

export interface ReportedImage {
  image: Image;
  stream: string;
  namespace: string;
  /** Tags that lead to it now. */
  tags: readonly string[];
  users: readonly ImageUser[];
}

const barWidth = 24;

export function imageReport({ image, stream, namespace, tags, users }: ReportedImage, t: Translate): string {
  const { Created, Architecture, Author, Config = {} } = image.dockerImageMetadata ?? {};
  const origin = originOf(image);
  const layers = layersOf(image);
  const list = (values: readonly string[] | undefined) => values?.map((value) => (/\s/.test(value) ? JSON.stringify(value) : value)).join(' ');
  const facts: [string, string | undefined][] = [
    [t('Image'), `${namespace}/${stream}@${image.metadata.name}`], [t('Pull spec'), image.dockerImageReference], [t('Tags'), tags.join(', ') || t('none any more')], [t('Created'), Created ?? image.metadata.creationTimestamp],
    [t('Build'), origin.build], [t('Commit'), origin.commit && `${origin.commit.slice(0, 12)} ${origin.message?.split('\n')[0] ?? ''}`.trim()], [t('Author'), origin.author ?? Author], [t('Source'), origin.source && `${origin.source}${origin.ref ? `#${origin.ref}` : ''}`],
    [t('Architecture'), Architecture], [t('Size'), t('{0} in {1} layers', sizeText(totalSize(image)), layers.length)],
    [t('User'), Config.User], [t('Working folder'), Config.WorkingDir], [t('Entrypoint'), list(Config.Entrypoint)], [t('Command'), list(Config.Cmd)], [t('Ports'), Object.keys(Config.ExposedPorts ?? {}).join(', ')], [t('Volumes'), Object.keys(Config.Volumes ?? {}).join(', ')],
  ];
  return [
    ...table(facts.filter((fact): fact is [string, string] => Boolean(fact[1]))),
    ...section(t('Layers'), layerRows(image, t)),
    ...section(t('Used by'), table(users.map(({ kind, name, use }) => [`  ${kind}`, name, useText(use, t)])), t('nobody')),
    ...section(t('Labels'), table(sorted(Config.Labels ?? {}).map(([name, value]) => [`  ${name}`, value.replaceAll('\n', '⏎')]))),
    ...section(t('Environment'), (Config.Env ?? []).map((one) => `  ${one.replaceAll('\n', '⏎')}`)),
    '',
  ].join('\n');
}

/** With the instructions that changed no file, where the history is told. */
function layerRows(image: Image, t: Translate): string[] {
  const layers = layersOf(image);
  const largest = Math.max(1, ...layers.map(({ size }) => size));
  const history = historyOf(image);
  const row = (number: string, size: number | undefined, command: string) => [`  ${number}`, size === undefined ? '' : sizeText(size), '█'.repeat(size ? Math.max(1, Math.round((size / largest) * barWidth)) : 0), command];
  if (history.filter(({ empty }) => !empty).length !== layers.length) {
    return [...table(layers.map(({ size, digest }, index) => row(String(index + 1), size, digest))), ...(layers.length > 0 ? [`  ${t('Which instruction made which layer is not told by this cluster.')}`] : [])];
  }
  let next = 0;
  return table(history.map(({ empty, command }) => {
    const layer = empty ? undefined : layers[next];
    if (layer) next += 1;
    return row(layer ? String(next) : '', layer?.size, command);
  }));
}

function section(title: string, lines: readonly string[], empty?: string): string[] {
  return lines.length > 0 ? ['', title, ...lines] : empty ? ['', title, `  ${empty}`] : [];
}

function useText(use: Use, t: Translate): string {
  const texts: Record<Use, string> = { runs: t('runs it'), deploys: t('deploys it'), buildsFrom: t('builds from it'), builds: t('makes it') };
  return texts[use];
}

function sorted(values: Record<string, string>): [string, string][] {
  return Object.entries(values).sort(([a], [b]) => a.localeCompare(b));
}
