/** The shape of a problem in each program's words. Order matters: the first that matches a line has it. */
import type { Problem } from './problem.ts';

/** A log: as it is, and without what tools put before each line. */
export interface Lines {
  raw: readonly string[];
  text: readonly string[];
}

/** The problem that begins (or is told) in line `at`. */
type Shape = (lines: Lines, at: number) => Problem | undefined;

/** How far the lines that belong together lie apart at the most. */
const reach = 40;
const severity = (word: string | undefined): Problem['severity'] => (/^(warning|warn|note)$/i.test(word ?? '') ? 'warning' : 'error');

/** One line tells it all. `make` gets the groups. */
const single = (pattern: RegExp, make: (groups: string[]) => Problem): Shape => ({ text }, at) => {
  const match = pattern.exec(text[at] ?? '');
  return match ? make([...match].slice(1).map((group) => group ?? '')) : undefined;
};
const place = (file: string, line: string, column?: string) => ({ file, line: Number(line), ...(column && Number(column) > 0 && { column: Number(column) }) });

/** `src/app.ts(3,5): error TS2304: …` (tsc, csc, msbuild) and `src/app.ts:3:5 - error TS2304: …` (tsc for people). */
const compilers: Shape[] = [
  single(/^\s*([^\s()][^()]*?)\((\d+),(\d+)\): (error|warning) ([A-Z]{2,}\d+): (.+?)(?: \[[^\]]+\])?$/, ([file = '', line = '', column, word, code = '', message = '']) => ({ ...place(file, line, column), message: `${code}: ${message}`, severity: severity(word), source: code.startsWith('TS') ? 'tsc' : 'dotnet' })),
  single(/^\s*(\S+?):(\d+):(\d+) - (error|warning) (TS\d+): (.+)$/, ([file = '', line = '', column, word, code = '', message = '']) => ({ ...place(file, line, column), message: `${code}: ${message}`, severity: severity(word), source: 'tsc' })),
];

/** ESLint names the file once, then `  3:5  error  'x' is not defined  no-undef`. */
const eslint: Shape = ({ raw }, at) => {
  const match = /^\s+(\d+):(\d+)\s+(error|warning)\s+(.+?)(?:\s{2,}(\S+))?$/.exec(raw[at] ?? '');
  if (!match) return undefined;
  for (let before = at - 1; before >= 0 && at - before < 500; before--) {
    const line = raw[before] ?? '';
    if (/^\s+\d+:\d+\s+(error|warning)/.test(line)) continue;
    if (!/^\S.*\.\w+$/.test(line)) return undefined;
    return { ...place(line.trim(), match[1] ?? '', match[2]), message: [match[4], match[5] && `(${match[5]})`].filter(Boolean).join(' '), severity: severity(match[3]), source: 'eslint' };
  }
  return undefined;
};

/** Go: `./main.go:5:2: undefined: x`. */
const go = single(/^(?:vet: )?((?:\.{1,2}\/)?[\w@./-]+\.go):(\d+):(?:(\d+):)? (.+)$/, ([file = '', line = '', column, message = '']) => ({ ...place(file, line, column), message, severity: 'error', source: 'go' }));

/** Maven: `[ERROR] /tmp/src/src/main/java/App.java:[3,5] ';' expected`; javac: `App.java:3: error: …`. */
const java: Shape[] = [
  single(/^\[(ERROR|WARNING)\]\s+(\S+\.\w+):\[(\d+)(?:,(\d+))?\] (?:error: )?(.+)$/, ([word, file = '', line = '', column, message = '']) => ({ ...place(file, line, column), message, severity: severity(word), source: 'javac' })),
  (lines, at) => {
    const match = /^(\S+\.(?:java|kt|scala|groovy)):(\d+): (error|warning): (.+)$/.exec(lines.text[at] ?? '');
    return match ? { ...place(match[1] ?? '', match[2] ?? ''), ...caret(lines.raw, at + 1), message: match[4] ?? '', severity: severity(match[3]), source: 'javac' } : undefined;
  },
];

/** gcc, clang, esbuild and their like: `file:3:5: error: …`. */
const gnu = single(/^(?:✘ |▲ )?(\S+?\.\w+):(\d+):(\d+): (?:fatal )?(error|warning|ERROR|WARNING): (.+)$/, ([file = '', line = '', column, word, message = '']) => ({ ...place(file, line, column), message, severity: severity(word), source: 'build' }));
const esbuild: Shape = ({ text }, at) => {
  const match = /^(?:✘|▲) \[(ERROR|WARNING)\] (.+)$/.exec(text[at] ?? '');
  const where = match && text.slice(at + 1, at + 4).map((line) => /^\s+(\S+?):(\d+):(\d+):$/.exec(line)).find((found) => found);
  return where ? { file: where[1] ?? '', line: Number(where[2]), column: Number(where[3]) + 1, message: match[2] ?? '', severity: severity(match[1]), source: 'esbuild' } : undefined;
};

/** PHP: `PHP Parse error:  syntax error, … in /tmp/src/index.php on line 3`, and uncaught errors `… in index.php:3`. */
const php = single(/^(?:PHP )?(Parse|Fatal|Syntax|Compile) error:\s+(.+?) in (\S+?)(?: on line |:)(\d+)$/, ([, message = '', file = '', line = '']) => ({ ...place(file, line), message, severity: 'error', source: 'php' }));

/** Ruby: `app.rb:3: syntax error, …`, `config.ru:3:in 'block': undefined … (NameError)`, with or without `-- :` of newer parsers. */
const ruby = single(/^(?:ruby: )?((?:[\w@./-]+\.(?:rb|ru|rake|gemspec))|(?:[\w@./-]*(?:Gemfile|Rakefile))):(\d+):(?:in [`'][^']*': )?(?: )?(.+)$/, ([file = '', line = '', message = '']) => ({ ...place(file, line), message: message.trim(), severity: 'error', source: 'ruby' }));

/** Perl: `syntax error at app.pl line 3, near "…"`. */
const perl = single(/^(.+) at (\S+\.(?:pl|pm|psgi|t)|\S*cpanfile) line (\d+)(?:[.,]|$)/, ([message = '', file = '', line = '']) => ({ ...place(file, line), message, severity: 'error', source: 'perl' }));

/** Node.js, of a file it cannot read: file and line, the text, a caret, and below it `SyntaxError: …`. */
const nodeSyntax: Shape = ({ raw, text }, at) => {
  const match = /^((?:file:\/\/)?\/?\S+\.[cm]?[jt]sx?):(\d+)$/.exec(text[at] ?? '');
  if (!match) return undefined;
  const told = text.slice(at + 1, at + 12).map((line) => /^(SyntaxError(?: \[\w+\])?: .+)$/.exec(line)).find((found) => found);
  return told ? { ...place(match[1] ?? '', match[2] ?? ''), ...caret(raw, at + 1), message: told[1] ?? '', severity: 'error', source: 'node' } : undefined;
};

/** An uncaught error of Node.js: its message, and the first frame that is the user's. */
const nodeStack: Shape = ({ text }, at) => {
  const match = /^(?:Uncaught )?(\w*Error(?: \[\w+\])?: .+)$/.exec(text[at] ?? '');
  if (!match) return undefined;
  for (const line of text.slice(at + 1, at + reach)) {
    const frame = /^\s+at (?:.*\()?((?:file:\/\/)?\/[^():]+|[A-Z]:[^():]+):(\d+):(\d+)\)?$/.exec(line);
    if (frame && !/node_modules\//.test(frame[1] ?? '')) return { ...place(frame[1] ?? '', frame[2] ?? '', frame[3]), message: match[1] ?? '', severity: 'error', source: 'node' };
    if (!/^\s+at |^\s*$|^\s+[\w'"{}[\]]|^- |^Require stack:/.test(line)) return undefined;
  }
  return undefined;
};

/** Python: frames, innermost last, then the error; a SyntaxError has its text and a caret between. */
const python: Shape = ({ raw }, at) => {
  const told = /^\s*((?:[A-Za-z_][\w.]*\.)?(?:[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning)|SyntaxError))(?:: (.*))?$/.exec(raw[at] ?? '');
  if (!told) return undefined;
  for (let before = at - 1; before >= 0 && at - before < reach; before--) {
    const frame = /^\s*File "([^"]+)", line (\d+)/.exec(raw[before] ?? '');
    if (!frame) {
      if (/^\s*Traceback \(most recent|^\S/.test(raw[before] ?? '')) return undefined;
      continue;
    }
    if (/(site|dist)-packages\/|\/lib\/python\d|^</.test(frame[1] ?? '')) continue;
    const near = at - before <= 3 && /SyntaxError|IndentationError|TabError/.test(told[1] ?? '') ? caret(raw, before + 1, 4) : {};
    return { ...place(frame[1] ?? '', frame[2] ?? ''), ...near, message: [told[1], told[2]].filter(Boolean).join(': '), severity: 'error', source: 'python' };
  }
  return undefined;
};

/** Packages that cannot be had: meant is the line that asks for them. */
const packages: Shape[] = [
  single(/^ERROR: Invalid requirement: (.+?) \(from line (\d+) of (\S+?)\)/, ([what = '', line = '', file = '']) => ({ ...place(file, line), message: `Invalid requirement: ${what}`, severity: 'error', source: 'pip' })),
  single(/^ERROR: (No matching distribution found for ([A-Za-z0-9][\w.-]*?)(?:[[<>=!~; ].*)?)$/, ([message = '', name = '']) => ({ file: 'requirements.txt', line: 0, needle: name, message, severity: 'error', source: 'pip' })),
  single(/^(?:404\s+)?'((?:@[\w.-]+\/)?[\w.-]+)@[^']*' is not in (?:this|the npm) registry/, ([name = '']) => ({ file: 'package.json', line: 0, needle: `"${name}"`, message: `"${name}" is not in this registry`, severity: 'error', source: 'npm' })),
  single(/^(?:notarget )?(No matching version found for ((?:@[\w.-]+\/)?[\w.-]+)@.*?)\.?$/, ([message = '', name = '']) => ({ file: 'package.json', line: 0, needle: `"${name}"`, message, severity: 'error', source: 'npm' })),
  single(/^(Missing script: "[^"]+")/, ([message = '']) => ({ file: 'package.json', line: 0, needle: '"scripts"', message, severity: 'error', source: 'npm' })),
  single(/^(?:JSON\.parse )?(.*\bin JSON at position \d+ \(line (\d+) column (\d+)\).*)$/, ([message = '', line = '', column]) => ({ ...place('package.json', line, column), message, severity: 'error', source: 'npm' })),
  single(/^go: (?:\S+ imports\s+)?([\w.-]+\.[a-z]+\/[\w./-]+)@?\S*: (.+)$/, ([name = '', message = '']) => ({ file: 'go.mod', line: 0, needle: name, message: `${name}: ${message}`, severity: 'error', source: 'go' })),
  single(/^Could not find gem '([\w-]+)[^']*'/, ([name = '']) => ({ file: 'Gemfile', line: 0, needle: name, message: `Could not find gem "${name}"`, severity: 'error', source: 'bundler' })),
];

/** A Dockerfile that is wrong, or an instruction of it that failed. */
const docker: Shape[] = [
  single(/^(?:error: )?(\S*(?:Dockerfile|Containerfile)[\w.-]*):(\d+):?\s+(.+)$/i, ([file = '', line = '', message = '']) => ({ ...place(file, line), message, severity: 'error', source: 'dockerfile' })),
  single(/(?:[Dd]ockerfile parse error|parse error|Syntax error)(?: on| at)? line (\d+): (.+)$/, ([line = '', message = '']) => ({ ...place('Dockerfile', line), message, severity: 'error', source: 'dockerfile' })),
  single(/\bDockerfile line (\d+): (.+)$/, ([line = '', message = '']) => ({ ...place('Dockerfile', line), message, severity: 'error', source: 'dockerfile' })),
  single(/Docker build strategy failed: ([A-Z]{2,} .+?): ((?:exit code \d+|it was ended by)\b.*)$/, ([instruction = '', message = '']) => ({ file: 'Dockerfile', line: 0, needle: instruction, message: `${instruction}: ${message}`, severity: 'error', source: 'dockerfile' })),
  single(/error building at STEP "([A-Z]+ [^"]*)": (.+)$/, ([instruction = '', message = '']) => ({ file: 'Dockerfile', line: 0, needle: instruction, message, severity: 'error', source: 'dockerfile' })),
];

export const shapes: readonly Shape[] = [...docker, ...compilers, ...java, esbuild, gnu, go, php, ruby, perl, eslint, nodeSyntax, nodeStack, python, ...packages];

/** The column that a line with a caret alone points at, within the lines from `from`. `indent`: what was put before the text. */
function caret(raw: readonly string[], from: number, indent = 0): { column?: number } {
  const line = raw.slice(from, from + 4).find((one) => /^\s*[\^~]+\s*$/.test(one));
  const column = line === undefined ? 0 : line.search(/[\^~]/) + 1 - indent;
  return column > 0 ? { column } : {};
}
