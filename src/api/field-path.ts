/** `metadata.labels['app']` → the map and its key; undefined for any other path. */
export function parseFieldPath(path: string): { map: 'labels' | 'annotations'; key: string } | undefined {
  const found = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  return found ? { map: found[1] as 'labels' | 'annotations', key: found[2] ?? '' } : undefined;
}
