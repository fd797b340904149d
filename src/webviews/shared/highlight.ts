/** Marks a text wherever it stands in some rows, without touching their elements (CSS Custom Highlight API); styled as `::highlight(<name>)`. */
export function highlight(name: string, rows: readonly HTMLElement[], query: string): void {
  CSS.highlights.set(name, new Highlight(...rows.flatMap((row) => rangesOf(row, query))));
}

function rangesOf(row: HTMLElement, query: string): Range[] {
  const texts = textNodes(row);
  const all = texts.map(({ data }) => data).join('').toLowerCase();
  const found: Range[] = [];
  for (let at = all.indexOf(query); query && at >= 0; at = all.indexOf(query, at + query.length)) {
    const range = document.createRange();
    place(texts, at, (node, offset) => range.setStart(node, offset));
    place(texts, at + query.length, (node, offset) => range.setEnd(node, offset));
    found.push(range);
  }
  return found;
}

/** Of the line itself: neither its time nor the name of its pod. */
function textNodes(row: HTMLElement): Text[] {
  const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT, (node) => (node.parentElement?.matches('.time, .label') ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT));
  const found: Text[] = [];
  while (walker.nextNode()) found.push(walker.currentNode as Text);
  return found;
}

/** Calls `set` with the text node that holds position `at` of them all, and the place in it. */
function place(texts: readonly Text[], at: number, set: (node: Text, offset: number) => void): void {
  let before = 0;
  for (const node of texts) {
    if (at <= before + node.length) return set(node, at - before);
    before += node.length;
  }
}
