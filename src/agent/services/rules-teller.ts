/** Events of a node whose packet rules cannot be made any more, or can again. */
import type { Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { TellOfRules } from '../network/kernel/kernel-proxy.ts';

export interface RulesTeller extends Disposable {
  services: TellOfRules;
  /** `why`: network policies stay as they were; undefined: they are in force again. */
  policies(this: void, why: string | undefined): void;
}

export function rulesTeller(client: Client, clock: Clock, node: string): RulesTeller {
  const recorder = eventRecorder(client, 'kube-proxy', clock, node);
  const about = { apiVersion: 'v1', kind: 'Node', name: node, uid: node };
  return {
    services(change) {
      if (change.inForce) return recorder.normal(about, 'ServiceRulesRestored', 'Service addresses are translated by the kernel again');
      const meanwhile = change.stale ? 'those of before stay in force and do not follow the services' : 'connections are relayed meanwhile';
      recorder.warning(about, 'ServiceRulesFailed', `Rules of services cannot be made, ${meanwhile}; it is tried again. ${change.why}`);
    },
    policies(why) {
      if (why === undefined) recorder.normal(about, 'PolicyRulesRestored', 'Network policies are enforced again');
      else recorder.warning(about, 'PolicyRulesFailed', `Rules of network policies cannot be made, those of before stay in force and pods that others select do not start; it is tried again. ${why}`);
    },
    dispose: () => recorder.dispose(),
  };
}
