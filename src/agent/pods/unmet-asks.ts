/** What a pod asks for that no container is given: everything here runs as an ordinary user of this machine. */
import type { Container, Pod } from '../../api/kinds/core.ts';
import { toolsImage } from '../../api/well-known.ts';

/** The text of an event; `undefined` if it asks for nothing of the kind. */
export function unmetAsks({ spec }: Pod): string | undefined {
  const asks: string[] = [];
  for (const name of ['hostPID', 'hostIPC'] as const) if (spec[name]) asks.push(name);
  const { supplementalGroups = [], sysctls = [] } = spec.securityContext ?? {};
  if (supplementalGroups.length > 0) asks.push('supplementalGroups');
  if (sysctls.length > 0) asks.push(`sysctls (${sysctls.map(({ name }) => name).join(', ')})`);
  if (spec.resourceClaims?.length) asks.push(`resourceClaims (${spec.resourceClaims.map(({ name }) => name).join(', ')})`);
  const whole = Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits });
  if (whole.length > 0) asks.push(`resources of the pod as a whole (${whole.join(', ')}; give them to its containers)`);
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) asks.push(...asksOf(container));
  if (asks.length === 0) return undefined;
  return `Not given here, where pods run without powers over this machine: ${asks.join('; ')}. What needs them fails; the rest runs`;
}

function asksOf(container: Container): string[] {
  const { name, image, securityContext } = container;
  const asks: string[] = (container as { restartPolicyRules?: unknown[] }).restartPolicyRules?.length ? [`restartPolicyRules (container ${name})`] : [];
  // The built-in build pods get what they need.
  if (!securityContext || image === toolsImage) return asks;
  const { privileged, capabilities, procMount } = securityContext;
  if (privileged) asks.push(`privileged (container ${name})`);
  if (capabilities?.add?.length) asks.push(`capabilities ${capabilities.add.join(', ')} (container ${name})`);
  if (procMount && procMount !== 'Default') asks.push(`procMount ${procMount} (container ${name})`);
  return asks;
}
