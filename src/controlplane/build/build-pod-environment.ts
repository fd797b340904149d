/** Variables of the strategy as the build pod gets them. Pure. */
import type { IEnvVar } from 'kubernetes-models/v1';
import type { BuildStrategy } from '../../api/kinds/build.ts';
import { referenceVariable } from './build-pod-contract.ts';

/** Variables of the strategy that act on the build program itself, on git for example (openshift-controller-manager pkg/build/buildutil, trusted variables). */
const trusted = new Set(['BUILD_LOGLEVEL', 'GIT_SSL_NO_VERIFY', 'GIT_LFS_SKIP_SMUDGE', 'HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'LANG', 'NO_PROXY', 'no_proxy']);

/** Fields of the pod that the downward API offers; another one would keep the pod from starting, and the build from telling why. */
const fields = /^(?:metadata\.(?:name|namespace|uid|labels|annotations|(?:labels|annotations)\['[^']+'\])|spec\.(?:nodeName|serviceAccountName)|status\.(?:hostIPs?|podIPs?))$/;

/** A value that must reach the container as it is: `$(NAME)` is expanded on the way, `$$` stands for one dollar. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$');
}

/**
 * A custom builder gets the variables as its own. The build program reads plain ones in the build object; what others refer to is put beside it, and is left out
 * where it is missing: the program then tells which variable cannot be resolved.
 */
export function configuredEnvironment({ sourceStrategy, dockerStrategy, customStrategy }: BuildStrategy): IEnvVar[] {
  if (customStrategy) return structuredClone(customStrategy.env ?? []) as IEnvVar[];
  const env = sourceStrategy?.env ?? dockerStrategy?.env ?? [];
  const own = env.filter(({ name, value }) => trusted.has(name) && value !== undefined).map(({ name, value = '' }) => ({ name, value: literal(value) }));
  return [...own, ...references('env', env), ...references('buildArgs', dockerStrategy?.buildArgs ?? [])];
}

function references(list: 'env' | 'buildArgs', variables: readonly IEnvVar[]): IEnvVar[] {
  return variables.flatMap(({ valueFrom }, index) => {
    const reference = valueFrom?.secretKeyRef ?? valueFrom?.configMapKeyRef;
    const name = referenceVariable(list, index);
    if (reference?.name) return [{ name, valueFrom: { [valueFrom?.secretKeyRef ? 'secretKeyRef' : 'configMapKeyRef']: { name: reference.name, key: reference.key, optional: true } } as NonNullable<IEnvVar['valueFrom']> }];
    const path = valueFrom?.fieldRef?.fieldPath;
    return path !== undefined && fields.test(path) ? [{ name, valueFrom: { fieldRef: { fieldPath: path } } }] : [];
  });
}
