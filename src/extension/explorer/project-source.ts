/** A flat view of one kind of object in the current project. */
import type * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import { problemNode } from './notes.ts';
import type { TreeNode } from './node.ts';
import type { TreeSource } from './object-tree.ts';
import type { ProjectObjects } from './project-content.ts';
import { ProjectWatch, type Part } from './project-watch.ts';

export interface FlatRules {
  parts: readonly Part[];
  roots(objects: ProjectObjects): TreeNode[];
  children?(node: TreeNode, objects: ProjectObjects): TreeNode[] | Promise<TreeNode[]>;
  badge?(objects: ProjectObjects): vscode.ViewBadge | undefined;
  /** Told when rows change by more than their objects. */
  also?: vscode.Event<void>;
}

export function projectSource(session: Session, rules: FlatRules): TreeSource {
  let watch: ProjectWatch | undefined;
  let over: unknown;
  const close = () => {
    watch?.dispose();
    watch = undefined;
  };
  return {
    attach(changed) {
      const follow = () => {
        if (watch?.namespace !== session.project || over !== session.connection) close();
        if (session.state === 'connected' && !watch) {
          over = session.connection;
          const own = new ProjectWatch(session, session.project, rules.parts, changed);
          watch = own;
          void own.ready.then(changed);
        }
        changed();
      };
      const listening = [session.onDidChange(follow), ...(rules.also ? [rules.also(changed)] : [])];
      if (session.state === 'idle') void session.connect();
      follow();
      return { dispose: () => (listening.forEach((one) => one.dispose()), close()) };
    },
    async roots() {
      const own = watch;
      if (!own) return [];
      await own.ready;
      // Another project may have been chosen meanwhile; its nodes come with the change it tells of.
      if (own !== watch) return [];
      return [...own.problems().map((problem) => problemNode(session.project, problem)), ...rules.roots(own.objects())];
    },
    children: (node) => (watch && rules.children ? rules.children(node, watch.objects()) : []),
    description: () => (session.state === 'connected' ? session.project : ''),
    badge: () => (watch && rules.badge ? rules.badge(watch.objects()) : undefined),
  };
}
