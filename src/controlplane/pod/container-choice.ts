/** Which container of a pod a request means (kubernetes pkg/registry/core/pod `LogLocation`, `streamLocation`). */
import type { Pod } from '../../api/kinds/core.ts';
import { badRequest } from '../../api/status.ts';

export function chooseContainer(pod: Pod, asked: string | null): string {
  const { name } = pod.metadata;
  const names = pod.spec.containers.map((container) => container.name);
  const init = (pod.spec.initContainers ?? []).map((container) => container.name);
  const ephemeral = (pod.spec.ephemeralContainers ?? []).map((container) => container.name);
  if (asked) {
    if (![...names, ...init, ...ephemeral].includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${name}`);
    return asked;
  }
  const [only] = names;
  if (names.length === 1 && only) return only;
  const rest = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]${rest}`);
}
