import type { PodPlan } from '../../../src/agent/pods/pod-plan.ts';

/** One line an action: `start web 1`. */
export function planLines({ actions }: PodPlan): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case 'createSandbox':
        return `sandbox ${action.attempt}`;
      case 'startContainer':
        return `start ${action.named.container.name} ${action.attempt}`;
      case 'stopContainer':
        return `stop ${action.name} within ${action.graceSeconds}${action.after ? ` after ${action.after.join(' ')}` : ''}`;
      case 'resizeContainer':
        return `resize ${action.named.container.name}`;
      case 'stopSandbox':
        return `stop sandbox ${action.id}`;
      case 'removeContainer':
      case 'removeSandbox':
        return `remove ${action.id}`;
    }
  });
}
