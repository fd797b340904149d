/** Which processes can be debugged, and how: pure. */
import type { Process, Scan } from './process-scan.ts';

export interface Debuggee {
  language: 'node' | 'python';
  process: Process;
  /** What it runs, for people: `server.js`. */
  script: string;
  /** Where its debugger listens or will listen; 0: on one of `process.ports`. */
  port: number;
  listening: boolean;
  /** It is there to start another one, as npm is. */
  starter: boolean;
}

/** Node.js' own, and that of debugpy by custom. */
export const usualPort = { node: 9229, python: 5678 } as const;
/** Programs that start the one that is meant. */
const starters = /(^|\/)(npm|npx|yarn|pnpm|corepack|nodemon)(-cli)?(\.c?js)?$|\/(npm|yarn|pnpm|nodemon|corepack)\//;
const programs = /^(node|nodejs|python[\d.]*)$/;
const nodeValue = /^(-r|--require|--import|--loader|--experimental-loader|-C|--conditions|--env-file)$/;
const pythonValue = /^(-W|-X)$/;

/** `options`: NODE_OPTIONS of the container. Those that only start others are left out, unless there is nothing else. */
export function debuggeesIn({ processes, listening }: Scan, options = ''): Debuggee[] {
  const found = processes.flatMap((process): Debuggee[] => {
    const language = languageOf(process);
    if (!language) return [];
    const [first = ''] = process.args;
    // A program may call itself something else: npm does.
    const titled = !programs.test(baseName(first));
    const script = titled ? first : language === 'node' ? scriptAfter(process.args, nodeValue) : pythonScript(process.args);
    const named = language === 'node' ? (inspectPort(process.args) ?? inspectPort(options.split(/\s+/))) : debugpyPort(process.args);
    const port = named ?? usualPort[language];
    // The inspector is the program's own; debugpy listens in a process of its own.
    const open = (language === 'node' && process.ports) || listening;
    const candidates = port === 0 && { ports: open };
    return [{ language, process: { ...process, ...candidates }, script: baseName(script ?? process.exe), port, listening: port === 0 ? open.length > 0 : open.includes(port), starter: isStarter((titled ? script?.split(' ')[0] : script) ?? '') }];
  });
  return found.some(({ starter }) => !starter) ? found.filter(({ starter }) => !starter) : found;
}

/** `script`: what is run, as a path or URL. */
export function isStarter(script: string): boolean {
  return starters.test(script);
}

function languageOf({ exe, args }: Process): Debuggee['language'] | undefined {
  const names = [exe, args[0] ?? ''].map(baseName);
  if (names.some((name) => /^(node|nodejs)$/.test(name))) return 'node';
  return names.some((name) => /^python[\d.]*$/.test(name)) ? 'python' : undefined;
}

/** `--inspect=0.0.0.0:9230`, `--inspect-port=9230`; a bare `--inspect` means the usual port. The last one counts. */
function inspectPort(args: readonly string[]): number | undefined {
  for (const arg of [...args].reverse()) {
    const match = /^--(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(?:.*:)?(\d+))?$/.exec(arg);
    if (match) return match[1] ? Number(match[1]) : usualPort.node;
  }
  return undefined;
}

/** `-m debugpy --listen 0.0.0.0:5678` */
function debugpyPort(args: readonly string[]): number | undefined {
  const at = args.indexOf('--listen');
  const port = args.some((arg) => /\bdebugpy\b/.test(arg)) && at >= 0 ? /(?:^|:)(\d+)$/.exec(args[at + 1] ?? '')?.[1] : undefined;
  return port ? Number(port) : undefined;
}

function scriptAfter(args: readonly string[], withValue: RegExp): string | undefined {
  for (let at = 1; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (withValue.test(arg)) at += 1;
    else if (!arg.startsWith('-')) return arg;
  }
  return undefined;
}

function pythonScript(args: readonly string[]): string | undefined {
  const module = args.indexOf('-m');
  return module > 0 && args.slice(1, module).every((arg) => arg.startsWith('-')) ? args[module + 1] : scriptAfter(args, pythonValue);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
