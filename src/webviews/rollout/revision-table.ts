import type { RevisionRow, RolloutFromPage, RolloutTexts } from '../../protocol/rollout-panel.ts';
import { element, fill, icon, iconButton, place, say } from '../shared/element.ts';

const marks: Record<RevisionRow['state'], string> = { current: 'pass-filled', running: 'sync', failed: 'error', past: 'history' };

interface Row {
  root: HTMLElement;
  show(row: RevisionRow, busy: boolean): void;
  picked(on: boolean): void;
}

/** The history, newest first; two of its rows can be compared. */
export function revisionTable(texts: RolloutTexts, send: (message: RolloutFromPage) => void): { root: HTMLElement; show(rows: readonly RevisionRow[], busy: boolean): void } {
  const rows = new Map<number, Row>();
  let picked: number[] = [];
  const compare = element('vscode-button', { appearance: 'secondary', disabled: true }, texts.compare);
  compare.addEventListener('click', () => send({ type: 'compare', revisions: picked }));
  const heads: [string, string][] = [['pick', texts.choice], ['number', texts.revision], ['when', texts.created], ['why', `${texts.cause} · ${texts.image}`], ['podcount', texts.pods], ['stands', texts.state], ['doing', texts.changes]];
  const body = element('tbody', {});
  const table = element('table', { class: 'revisions', 'aria-label': texts.history }, element('thead', {}, element('tr', {}, ...heads.map(([name, text]) => element('th', { class: name, scope: 'col' }, name === 'pick' || name === 'doing' ? element('span', { class: 'spoken' }, text) : text)))), body);
  const none = element('p', { class: 'none' }, texts.noHistory);
  const root = element('section', {}, element('div', { class: 'historyhead' }, element('h2', {}, texts.history), compare), table, none);
  // Of three the one chosen first is let go.
  const pick = (number: number, on: boolean) => {
    picked = on ? [...picked, number].slice(-2) : picked.filter((one) => one !== number);
    tell();
  };
  const tell = () => {
    for (const [number, row] of rows) row.picked(picked.includes(number));
    compare.toggleAttribute('disabled', picked.length < 2);
  };
  return {
    root,
    show(shown, busy) {
      for (const number of rows.keys()) if (!shown.some((row) => row.number === number)) rows.delete(number);
      picked = picked.filter((number) => shown.some((row) => row.number === number));
      place(body, shown.map((row) => {
        let one = rows.get(row.number);
        if (!one) rows.set(row.number, (one = rowOf(row.number, texts, send, pick)));
        one.show(row, busy);
        return one.root;
      }));
      table.hidden = compare.hidden = shown.length === 0;
      none.hidden = shown.length > 0;
      tell();
    },
  };
}

function rowOf(number: number, texts: RolloutTexts, send: (message: RolloutFromPage) => void, pick: (number: number, on: boolean) => void): Row {
  const name = `#${number}`;
  const choose = element('input', { type: 'checkbox', 'aria-label': fill(texts.select, number), title: fill(texts.select, number) });
  choose.addEventListener('change', () => pick(number, choose.checked));
  const when = element('td', { class: 'when' });
  const why = element('td', { class: 'why' });
  const pods = element('td', { class: 'podcount' });
  const stands = element('td', { class: 'stands' });
  const diff = iconButton('diff', fill(texts.compareWith, number), () => send({ type: 'compare', revisions: [number] }));
  const template = iconButton('code', `${texts.template} ${name}`, () => send({ type: 'template', revision: number }));
  const log = iconButton('output', `${texts.log} ${name}`, () => send({ type: 'log', revision: number }));
  const undo = iconButton('discard', fill(texts.undoTo, number), () => send({ type: 'undo', revision: number }));
  const root = element('tr', { 'data-revision': String(number) }, element('td', { class: 'pick' }, choose), element('td', { class: 'number' }, name), when, why, pods, stands, element('td', { class: 'doing' }, element('div', {}, log, template, diff, undo)));
  let look = '';
  return {
    root,
    picked(on) {
      choose.checked = on;
    },
    show(row, busy) {
      undo.hidden = !row.canUndo;
      undo.toggleAttribute('disabled', busy);
      diff.hidden = row.state === 'current' || row.state === 'running';
      log.hidden = !row.canLog;
      say(pods, row.pods);
      if (look === (look = JSON.stringify(row))) return;
      root.dataset.state = row.state;
      const at = row.created ? new Date(row.created) : undefined;
      say(when, at ? at.toLocaleString(document.documentElement.lang, { dateStyle: 'short', timeStyle: 'medium', hour12: false } as Intl.DateTimeFormatOptions) : '');
      place(why, [
        ...(row.cause ? [element('span', {}, row.cause)] : []), ...(row.source ? [element('span', { class: 'sub' }, row.source)] : []),
        ...row.images.map(({ text, title }) => element('span', { class: 'sub', title }, text)),
      ]);
      place(stands, [icon(marks[row.state], row.state === 'running' ? 'codicon-modifier-spin' : ''), document.createTextNode(row.stateText)]);
    },
  };
}
