/** Fetches what a container's environment refers to and makes it. */
import type { ConfigMap, Container, Pod, Secret, Service } from '../../api/kinds/core.ts';
import type { ObjectCache } from '../api-objects.ts';
import { containerEnvironment, environmentReferences } from './environment.ts';
import type { PodFacts } from './field-ref.ts';
import { serviceEnvironment, type AddressOf } from './service-environment.ts';

export interface EnvironmentParts {
  configMaps: ObjectCache<ConfigMap>;
  secrets: ObjectCache<Secret>;
  services: { list(namespace: string): Service[] };
  /** Where service addresses lie on this node. */
  addressOf: AddressOf;
  /** Proxy variables where pods reach the outside through the relay only; empty elsewhere. */
  egress(): Record<string, string>;
}

export async function environmentOf(parts: EnvironmentParts, pod: Pod, container: Container, facts: PodFacts): Promise<{ name: string; value: string }[]> {
  const { uid = '', namespace = '' } = pod.metadata;
  const names = environmentReferences(container);
  const [configMaps, secrets] = await Promise.all([
    Promise.all(names.configMaps.map(async (name) => [name, await parts.configMaps.get(uid, namespace, name)] as const)),
    Promise.all(names.secrets.map(async (name) => [name, await parts.secrets.get(uid, namespace, name)] as const)),
  ]);
  const [configMapOf, secretOf] = [new Map(configMaps), new Map(secrets)];
  const api = parts.services.list('default').filter(({ metadata }) => metadata.name === 'kubernetes');
  const links = pod.spec.enableServiceLinks === false ? [] : parts.services.list(namespace);
  const services = serviceEnvironment([...api, ...links.filter((service) => !api.includes(service))], parts.addressOf);
  const egress = withoutChosen(parts.egress(), container);
  return containerEnvironment(pod, container, {
    configMap: (name) => configMapOf.get(name),
    secret: (name) => secretOf.get(name),
    base: { ...egress, ...services },
    facts,
  });
}

/** Proxy variables come in two spellings: who sets one of them has decided about both. */
function withoutChosen(egress: Record<string, string>, container: Container): Record<string, string> {
  const chosen = new Set((container.env ?? []).map(({ name }) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(egress).filter(([name]) => !chosen.has(name.toLowerCase())));
}
