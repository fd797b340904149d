/** `pods/log`. */
import { Readable } from 'node:stream';
import { mirrorAnnotation } from '../../api/pod.ts';
import type { RequestContext, Subresource } from '../kernel/apiserver/kind.ts';
import type { Reader } from '../kernel/store/store.ts';
import { agentGet, socketOf } from './agent-client.ts';
import { chooseContainer } from './container-choice.ts';
import type { MirrorPods } from './mirror-pods.ts';
import { podNamed } from './pod-lookup.ts';

const passedOn = ['follow', 'previous', 'tailLines', 'sinceSeconds', 'sinceTime', 'timestamps', 'limitBytes'];

export function logSubresource(store: Reader, mirrors: MirrorPods): Subresource {
  return {
    type: 'text',
    kind: 'Pod',
    async run(context: RequestContext): Promise<Readable> {
      const pod = podNamed(store, context.namespace, context.name ?? '');
      const container = chooseContainer(pod, context.query.get('container'));
      if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) return mirrors.log(pod, context.query, context.signal);
      // Not yet anywhere: the real server, too, answers with nothing.
      if (!pod.spec.nodeName) return Readable.from([]);
      const query = new URLSearchParams();
      for (const name of passedOn) {
        const value = context.query.get(name);
        if (value !== null) query.set(name, value);
      }
      const { namespace = '', name } = pod.metadata;
      return agentGet(socketOf(store, pod), `/logs/${namespace}/${name}/${container}?${query.toString()}`, context.signal);
    },
  };
}
