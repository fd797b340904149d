/** Variables that the strategy gives: plain values, with `$(NAME)` of earlier ones, and what others refer to, which the pod has resolved. */
import type { IEnvVar } from 'kubernetes-models/v1';
import { referenceVariable } from '../../build-pod-contract.ts';
import { unresolvableVariable } from './failure.ts';
import type { Variable } from './source/environment.ts';

/** `env`: of this program. Rejects for a variable whose reference leads nowhere, unless it is optional: then it is left out. */
export function configuredVariables(list: 'env' | 'buildArgs', variables: readonly IEnvVar[] | undefined, env: NodeJS.ProcessEnv): Variable[] {
  const resolved = new Map<string, string>();
  for (const [index, { name, value, valueFrom }] of (variables ?? []).entries()) {
    if (!valueFrom) {
      resolved.set(name, expanded(value ?? '', resolved));
      continue;
    }
    const found = env[referenceVariable(list, index)];
    if (found !== undefined) resolved.set(name, found);
    else if (!(valueFrom.secretKeyRef?.optional ?? valueFrom.configMapKeyRef?.optional)) throw unresolvableVariable(name, placeOf(valueFrom));
  }
  return [...resolved].map(([name, value]) => ({ name, value }));
}

/** `$$` is a dollar; an unknown name stays as it stands (Kubernetes, "Define Dependent Environment Variables"). */
function expanded(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (whole, name: string | undefined) => (name === undefined ? '$' : (known.get(name) ?? whole)));
}

function placeOf({ secretKeyRef, configMapKeyRef, fieldRef }: NonNullable<IEnvVar['valueFrom']>): string {
  if (secretKeyRef) return `key "${secretKeyRef.key}" of secret "${secretKeyRef.name ?? ''}"`;
  if (configMapKeyRef) return `key "${configMapKeyRef.key}" of config map "${configMapKeyRef.name ?? ''}"`;
  return `field "${fieldRef?.fieldPath ?? ''}" of the build pod`;
}
