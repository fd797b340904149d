/** Calls a webhook as a provider would: with what its URL holds, and no other credentials. */
import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import { request as plainRequest } from 'node:http';
import type { Build, GenericWebHookEvent } from '../api/kinds/build.ts';
import type { Status } from '../api/status.ts';
import { UserError } from './failure.ts';

/** An answer that has not come by then is given up. */
const patience = 60_000;
/** Bytes of an answer that are read. */
const largestAnswer = 4 * 2 ** 20;

export interface WebHookAnswer {
  answer: Build | Status;
  warnings: string[];
}

/** `certificates`: authorities to trust beside those of the machine. */
export function callWebHook(url: URL, event: GenericWebHookEvent | undefined, certificates: readonly string[]): Promise<WebHookAnswer> {
  const body = event === undefined ? '' : JSON.stringify(event);
  const headers = { 'content-length': Buffer.byteLength(body), accept: 'application/json', ...(body && { 'content-type': 'application/json' }) };
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers, agent: false as const, timeout: patience };
    const sent = url.protocol === 'http:' ? plainRequest(url, options) : request(url, { ...options, ca: [...rootCertificates, ...certificates] });
    // The path holds the secret: no failure repeats it.
    const where = `${url.protocol}//${url.host}`;
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${patience / 1000} s`)));
    sent.on('error', (error) => reject(new UserError(`The webhook at ${where} cannot be reached: ${error.message}`)));
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > largestAnswer) sent.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        const answer = parsed(Buffer.concat(chunks).toString());
        const status = response.statusCode ?? 0;
        if (status >= 400 || !answer) reject(new UserError(`The webhook at ${where} answered ${status}${answer && 'message' in answer && answer.message ? `: ${answer.message}` : ''}`));
        else resolve({ answer, warnings: warningsIn(response.headers.warning) });
      });
    });
    sent.end(body);
  });
}

function parsed(text: string): Build | Status | undefined {
  try {
    return JSON.parse(text) as Build | Status;
  } catch {
    return undefined;
  }
}

function warningsIn(header: string | undefined): string[] {
  return [...(header ?? '').matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
