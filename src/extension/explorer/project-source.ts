/** A flat view of one kind of object in the current project. */
import * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';
import type { TreeNode } from './node.ts';
import type { TreeSource } from './object-tree.ts';
import type { ProjectObjects } from './project-content.ts';
import { ProjectWatch, type Part } from './project-watch.ts';

export interface FlatRules {
  parts: readonly Part[];
  roots(objects: ProjectObjects, session: Session): TreeNode[];
  children?(node: TreeNode, objects: ProjectObjects, session: Session): TreeNode[];
  badge?(objects: ProjectObjects): vscode.ViewBadge | undefined;
}

export function projectSource(session: Session, rules: FlatRules): TreeSource {
  let watch: ProjectWatch | undefined;
  const close = () => {
    watch?.dispose();
    watch = undefined;
  };
  return {
    attach(changed) {
      const open = () => {
        if (session.state === 'connected' && watch?.namespace !== session.project) {
          close();
          watch = new ProjectWatch(session, session.project, rules.parts);
          watch.onDidChange(changed);
          void watch.ready.then(changed, changed);
        }
        if (session.state !== 'connected') close();
        changed();
      };
      const listening = session.onDidChange(open);
      if (session.state === 'idle') void session.connect();
      open();
      return { dispose: () => (listening.dispose(), close()) };
    },
    async roots() {
      if (!watch) return [];
      await watch.ready;
      return watch ? rules.roots(watch.objects(), session) : [];
    },
    children: (node) => (watch && rules.children ? rules.children(node, watch.objects(), session) : []),
    description: () => (session.state === 'connected' ? session.project : ''),
    badge: () => (watch && rules.badge ? rules.badge(watch.objects()) : undefined),
  };
}
