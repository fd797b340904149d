/** Subresources that are not plain storage: actions, uploads, text that follows. Streams (exec, attach, portforward) come as upgrades, see http/upgrade.ts. */
import { badRequest, methodNotAllowed } from '../../../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Call } from '../call.ts';
import { decodeOther, mediaTypeOf, parseBody } from '../decode.ts';
import type { Subresource } from '../kind.ts';
import type { ApiRequest } from '../request.ts';

type Connectable = Exclude<Subresource, { type: 'fields' }>;

export async function connect(call: Call, part: Connectable, request: Pick<ApiRequest, 'method' | 'header' | 'body' | 'stream'>): Promise<Answer> {
  const { served } = call;
  const context = call;
  switch (part.type) {
    case 'action': {
      if (!(part.methods ?? ['POST']).includes(request.method)) throw methodNotAllowed();
      const bytes = request.method === 'GET' || request.method === 'DELETE' ? undefined : await request.body();
      const body = bytes?.length
        ? decodeOther(part.apiVersion ?? served.apiVersion, part.kind, await parseBody(bytes, mediaTypeOf(request.header('content-type')), part.kind), {
            validation: call.fieldValidation,
            warn: (text) => call.warn(text),
          })
        : undefined;
      return { type: 'object', code: request.method === 'POST' ? 201 : 200, served, object: await part.run(context, body, request.method) };
    }
    case 'upload':
      if (request.method !== 'POST') throw methodNotAllowed();
      return { type: 'object', code: 201, served, object: await part.run(context, request.stream) };
    case 'open': {
      if (request.method !== 'POST') throw methodNotAllowed();
      const object = await part.run(context, { path: call.tail, header: (name) => request.header(name), body: () => request.body() });
      return { type: 'object', code: 200, served, object };
    }
    case 'text':
      if (request.method !== 'GET') throw methodNotAllowed();
      return { type: 'text', readable: await part.run(context) };
    case 'stream':
      throw badRequest('Upgrade request required');
  }
}
