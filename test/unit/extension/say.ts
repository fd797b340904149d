import type { Translate } from '../../../src/extension/explorer/node.ts';

/** English, as `vscode.l10n.t` gives it where no bundle is loaded. */
export const say: Translate = (text, ...values) => text.replace(/\{(\d)\}/g, (_, index: string) => String(values[Number(index)] ?? ''));
