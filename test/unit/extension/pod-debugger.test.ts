import inspector from 'node:inspector';
import net from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../../src/client/connection.ts';
import type { Debuggee } from '../../../src/extension/debug/debuggee.ts';
import { findDebuggees, inspectedProgram, openDebugger } from '../../../src/extension/debug/pod-debugger.ts';

const at = { namespace: 'shop', pod: 'web-1', container: 'web' };
const signal = AbortSignal.timeout(20_000);

/** A pod in which every command ends so, and whose ports are those of this process. */
function pod(answer: { code: number; stdout?: string; stderr?: string }, port = 1): Connection {
  const said = (text = '') => new PassThrough().end(text);
  return {
    exec: () => Promise.resolve({ stdout: said(answer.stdout), stderr: said(answer.stderr), exit: Promise.resolve({ code: answer.code }), close: () => undefined }),
    dial: () => Promise.resolve(net.connect(port, '127.0.0.1')),
  } as unknown as Connection;
}

/** This process with its inspector open. */
async function inspected(run: (port: number) => Promise<unknown>): Promise<void> {
  inspector.open(0, '127.0.0.1');
  try {
    await run(Number(new URL(inspector.url() ?? '').port));
  } finally {
    inspector.close();
  }
}

describe('a container without a shell', () => {
  test('is told as such', () => expect(findDebuggees(pod({ code: 127, stderr: 'no such file\n' }), at, undefined, signal)).rejects.toMatchObject({ obstacle: 'NoShell', message: 'no such file' }));

  test('is asked what it runs by its inspector', () => inspected(async (port) => {
    expect(await inspectedProgram(pod({ code: 127 }, port), at, signal)).toMatchObject({ language: 'node', script: expect.stringMatching(/\.m?js$/) as string, listening: true, process: { args: ['node', expect.stringMatching(/^\//)] } });
  }));
});

describe('the debugger of a Node.js program', () => {
  const server: Debuggee = { language: 'node', process: { pid: 18, exe: 'node', cwd: '/srv', args: ['node', 'server.js'] }, script: 'server.js', port: 9229, listening: true, starter: false };

  test('is found among its own ports, where it may have any', () => inspected(async (port) => {
    const any = { ...server, port: 0, process: { ...server.process, ports: [port] } };
    expect(await openDebugger(pod({ code: 0 }, port), at, any, signal)).toBe(port);
    await expect(openDebugger(pod({ code: 0 }), at, any, signal)).rejects.toMatchObject({ obstacle: 'NoInspector' });
  }));

  test('cannot be opened in a process that may not be signalled', () => expect(openDebugger(pod({ code: 1, stderr: 'not permitted' }), at, { ...server, listening: false }, signal)).rejects.toMatchObject({ obstacle: 'NotSignalled', message: 'not permitted' }));
});
