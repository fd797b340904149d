/** What a tree shows, before it becomes a `TreeItem`: plain data, so that it is tested without an editor. */
import { inSeconds } from '../../api/duration.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';

/** Colours of the editor's theme that states may have. */
export type IconColour = 'testing.iconPassed' | 'testing.iconFailed' | 'list.warningForeground' | 'disabledForeground' | 'charts.blue' | 'charts.green';

export interface TreeNode {
  /** The same for the same thing for as long as it lives. */
  id: string;
  label: string;
  description?: string;
  /** Something goes on since then (RFC 3339): the row counts the seconds behind its description while it is looked at. */
  since?: string;
  /** A codicon, e.g. `vm-running`. */
  icon: string;
  colour?: IconColour;
  /** Markdown. */
  tooltip?: string;
  /** Its first word is what menus go by: `pod`, `route.url`; words after a dot say what can be done with it. */
  contextValue: string;
  /** What a screen reader says. */
  accessibility?: string;
  /** Absent: no children. */
  expand?: 'collapsed' | 'expanded';
  resource?: Resource;
  object?: KubeObject;
  /** Of a node that is no object: the project it belongs to. */
  namespace?: string;
  /** Of a container: its pod is `object`. */
  container?: string;
  url?: string;
  /** Command of a plain click. */
  command?: string;
}

/** `(text, ...values)` to the text in the user's language, as `vscode.l10n.t`. */
export type Translate = (text: string, ...values: (string | number | boolean)[]) => string;

/** The part of a node that a presenter of one kind decides. */
export type Presentation = Omit<TreeNode, 'id' | 'resource' | 'object'>;

/** What stands behind the label now. */
export function descriptionOf({ description, since }: Pick<TreeNode, 'description' | 'since'>, now: number): string | undefined {
  return since ? [description, inSeconds(now - Date.parse(since))].filter(Boolean).join(' · ') : description;
}

/** Rows of a tooltip in Markdown; empty values are left out. Values are code, so that no name is taken for markup. */
export function tooltipOf(title: string, rows: readonly (readonly [string, string | number | undefined | null])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined && value !== null && value !== '');
  return [`**${title.replace(/[\\`*_[\]<>]/g, '\\$&')}**`, ...shown.map(([name, value]) => `${name && `${name}: `}\`${String(value).replaceAll('`', "'")}\``)].join('\n\n');
}
