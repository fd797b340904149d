import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { placesIn } from '../../../src/extension/problems/log-links.ts';
import { matchProblems } from '../../../src/extension/problems/problem-matcher.ts';
import type { Problem } from '../../../src/extension/problems/problem.ts';
import { remotesIn, sameRepository } from '../../../src/extension/sources/git-remotes.ts';
import { SourcePaths } from '../../../src/extension/sources/source-paths.ts';

/** As `file:line:column severity source message`. */
const shown = ({ file, line, column, needle, message, severity, source }: Problem) => `${file}:${needle ? `<${needle}>` : line}${column ? `:${column}` : ''} ${severity === 'error' ? '' : 'warning '}${source}: ${message}`;

describe('problems in the log of a build', () => {
  // Recorded from the programs themselves, paths as builders have them.
  test.each<[string, string, string[]]>([
    ['a file that Node.js cannot read', `
/opt/app-root/src/bad.js:2
const b = ;
          ^

SyntaxError: Unexpected token ';'
    at wrapSafe (node:internal/modules/cjs/loader:1861:18)
    at node:internal/main/run_main_module:33:47

Node.js v24.21.0`, ["/opt/app-root/src/bad.js:2:11 node: SyntaxError: Unexpected token ';'"]],
    ['an error nobody caught in Node.js', `
/tmp/src/run.js:2
  throw new TypeError("no good");
  ^

TypeError: no good
    at lib (/tmp/src/node_modules/x/index.js:9:1)
    at f (/tmp/src/run.js:2:9)
    at Object.<anonymous> (/tmp/src/run.js:4:1)`, ['/tmp/src/run.js:2:9 node: TypeError: no good']],
    ['a module that is not there, in npm\'s words around it', `
npm error Error: Cannot find module 'expres'
npm error Require stack:
npm error - /tmp/src/server.js
npm error     at Module._resolveFilename (node:internal/modules/cjs/loader:1401:15)
npm error     at Object.<anonymous> (/tmp/src/server.js:3:17)`, ["/tmp/src/server.js:3:17 node: Error: Cannot find module 'expres'"]],
    ['tsc for machines', "src/a.ts(1,7): error TS2322: Type 'string' is not assignable to type 'number'.", ["src/a.ts:1:7 tsc: TS2322: Type 'string' is not assignable to type 'number'."]],
    ['tsc for people, in colours', "\u001b[96ma.ts\u001b[0m:\u001b[93m1\u001b[0m:\u001b[93m7\u001b[0m - \u001b[91merror\u001b[0m\u001b[90m TS2322: \u001b[0mType 'string' is wrong.", ["a.ts:1:7 tsc: TS2322: Type 'string' is wrong."]],
    ['ESLint', `
/tmp/src/src/app.js
  1:5   error    'a' is assigned a value but never used  no-unused-vars
  3:11  warning  Unnecessary semicolon                   no-extra-semi

/tmp/src/src/b.js
  7:1  error  Parsing error: Unexpected token

✖ 3 problems (2 errors, 1 warning)`, [
      "/tmp/src/src/app.js:1:5 eslint: 'a' is assigned a value but never used (no-unused-vars)", '/tmp/src/src/app.js:3:11 warning eslint: Unnecessary semicolon (no-extra-semi)', '/tmp/src/src/b.js:7:1 eslint: Parsing error: Unexpected token',
    ]],
    ['a file that Python cannot read', `
  File "/tmp/src/bad.py", line 1
    def f(:
          ^
SyntaxError: invalid syntax`, ['/tmp/src/bad.py:1:7 python: SyntaxError: invalid syntax']],
    ['an exception nobody caught in Python', `
Traceback (most recent call last):
  File "/opt/app-root/src/run.py", line 6, in <module>
    g()
  File "/opt/app-root/src/run.py", line 4, in g
    undefined_name
  File "/opt/app-root/lib/python3.11/site-packages/flask/app.py", line 10, in run
    raise
NameError: name 'undefined_name' is not defined`, ["/opt/app-root/src/run.py:4 python: NameError: name 'undefined_name' is not defined"]],
    ['requirements that cannot be had', 'ERROR: Could not find a version that satisfies the requirement inflexion==0.5 (from versions: none)\nERROR: No matching distribution found for inflexion==0.5', ['requirements.txt:<inflexion> pip: No matching distribution found for inflexion==0.5']],
    ['a requirement that is none', "ERROR: Invalid requirement: 'flask 2' (from line 3 of requirements.txt)", ["requirements.txt:3 pip: Invalid requirement: 'flask 2'"]],
    ['a package that npm does not know', "npm error code E404\nnpm error 404  '@a/expres@*' is not in this registry.", ['package.json:<"@a/expres"> npm: "@a/expres" is not in this registry']],
    ['a version that npm does not know', 'npm error code ETARGET\nnpm error notarget No matching version found for ms@99.0.0.', ['package.json:<"ms"> npm: No matching version found for ms@99.0.0']],
    ['a package.json that is no JSON', "npm error code EJSONPARSE\nnpm error JSON.parse Invalid package.json: JSONParseError: Expected ',' or '}' after property value in JSON at position 43 (line 2 column 30) while parsing near \"...\"", ["package.json:2:30 npm: Invalid package.json: JSONParseError: Expected ',' or '}' after property value in JSON at position 43 (line 2 column 30) while parsing near \"...\""]],
    ['Go', '# command-line-arguments\n./main.go:4:2: x declared but not used\n./main.go:5:2: undefined: foo', ['./main.go:4:2 go: x declared but not used', './main.go:5:2 go: undefined: foo']],
    ['javac', "j/A.java:2: error: ';' expected\n  int f() { return \"a\" }\n                      ^\n1 error", ["j/A.java:2:23 javac: ';' expected"]],
    ['Maven', "[ERROR] /tmp/src/src/main/java/App.java:[3,5] ';' expected\n[WARNING] /tmp/src/src/main/java/App.java:[9,1] deprecated", ["/tmp/src/src/main/java/App.java:3:5 javac: ';' expected", '/tmp/src/src/main/java/App.java:9:1 warning javac: deprecated']],
    ['Ruby', "bad.rb:2: syntax error, unexpected integer literal, expecting ')'\nrun.rb:2:in `f': undefined local variable or method `nope' for main:Object (NameError)\n\tfrom run.rb:4:in `<main>'", ["bad.rb:2 ruby: syntax error, unexpected integer literal, expecting ')'", 'run.rb:2 ruby: undefined local variable or method `nope\' for main:Object (NameError)']],
    ['PHP', 'PHP Parse error:  syntax error, unexpected token "{", expecting variable in bad.php on line 2\nPHP Fatal error:  Uncaught Error: Call to undefined function g() in /tmp/src/run.php:2\n  thrown in /tmp/src/run.php on line 2', ['bad.php:2 php: syntax error, unexpected token "{", expecting variable', '/tmp/src/run.php:2 php: Uncaught Error: Call to undefined function g()']],
    ['Perl', 'syntax error at a.pl line 2, near "= ;"\na.pl had compilation errors.', ['a.pl:2 perl: syntax error']],
    ['.NET', '/tmp/src/Program.cs(3,5): error CS1002: ; expected [/tmp/src/app.csproj]', ['/tmp/src/Program.cs:3:5 dotnet: CS1002: ; expected']],
    ['esbuild', '✘ [ERROR] Could not resolve "nope"\n\n    src/app.ts:1:7:\n      1 │ import "nope"', ['src/app.ts:1:8 esbuild: Could not resolve "nope"']],
    ['gcc', 'src/x.c:3:5: error: expected \';\' before \'}\' token', ["src/x.c:3:5 build: expected ';' before '}' token"]],
    ['a step of a Dockerfile', 'error building at STEP "RUN npm ci": error while running runtime: exit status 1', ['Dockerfile:<RUN npm ci> dockerfile: error while running runtime: exit status 1']],
    ['a Dockerfile that is wrong', 'Dockerfile:3: unknown instruction "RUNN"', ['Dockerfile:3 dockerfile: unknown instruction "RUNN"']],
    ['a Dockerfile that is wrong, as builds here tell it', 'error: build error: The Dockerfile cannot be used: Dockerfile line 3: unknown instruction: RUNN', ['Dockerfile:3 dockerfile: unknown instruction: RUNN']],
    ['an instruction that failed, as builds here tell it', 'error: build error: Docker build strategy failed: RUN npm ci: exit code 1.', ['Dockerfile:<RUN npm ci> dockerfile: RUN npm ci: exit code 1.']],
    ['nothing', '---> Installing application source ...\nadded 1 package in 200ms\nlistening on 0.0.0.0:8080\n12:30:01 done', []],
  ])('are found: %s', (_, log, expected) => expect(matchProblems(log.split('\n')).map(shown)).toEqual(expected));

  test('are told once, and not without end', () => {
    expect(matchProblems(Array.from({ length: 5 }, () => './main.go:4:2: x'))).toHaveLength(1);
    expect(matchProblems(Array.from({ length: 1_000 }, (_, index) => `./main.go:${index + 1}:2: x`))).toHaveLength(100);
  });
});

describe('places in a line', () => {
  test.each([
    ['    at f (/opt/app-root/src/a.js:2:9)', ['/opt/app-root/src/a.js', 2, 9]],
    ['  File "/tmp/src/my app.py", line 4, in g', ['/tmp/src/my app.py', 4, undefined]],
    ['src/a.ts(1,7): error', ['src/a.ts', 1, 7]],
    ['[ERROR] /tmp/src/App.java:[3,5] x', ['/tmp/src/App.java', 3, 5]],
    ['PHP Parse error: x in bad.php on line 2', ['bad.php', 2, undefined]],
    ['\u001b[96ma.ts\u001b[0m:\u001b[93m1\u001b[0m:7 - error', ['a.ts', 1, 7]],
    ['Dockerfile:3: x', ['Dockerfile', 3, undefined]],
  ])('%j', (line, [file, number, column]) => {
    expect(placesIn(line)).toMatchObject([{ path: file, line: number, ...(column !== undefined && { column }) }]);
  });

  test('stand where they are said to', () => {
    const [one] = placesIn('  at f (src/a.js:2:9)');
    expect('  at f (src/a.js:2:9)'.slice(one?.start, one?.end)).toBe('src/a.js:2:9');
  });

  test('are not made up, and not looked for in data', () => {
    expect(placesIn('12:30:01 listening on 127.0.0.1 in 300ms')).toEqual([]);
    expect(placesIn(`${'x'.repeat(3_000)} a.js:1:1`)).toEqual([]);
  });
});

describe('files of a source as a builder names them', () => {
  const here = new Set(['server.js', 'src/app.ts', 'web/index.js', 'web/src/main.js'].map((file) => path.join('/home/me/app', file)));
  const paths = (contextDir?: string) => new SourcePaths('/home/me/app', contextDir, (file) => here.has(file));

  test.each([
    ['/opt/app-root/src/server.js', 'server.js'], ['/tmp/src/src/app.ts', 'src/app.ts'], ['./server.js', 'server.js'], ['file:///opt/app-root/src/server.js', 'server.js'], ['/srv/www/server.js', 'server.js'],
    ['C:\\src\\server.js', undefined], ['../app/server.js', undefined], ['/usr/lib/node_modules/server.js', undefined], ['node_modules/x/server.js', undefined], ['/tmp/src/../../etc/passwd', undefined], ['gone.js', undefined],
  ])('%s', (named, expected) => expect(paths().find(named)).toBe(expected && path.join('/home/me/app', expected)));

  test('are looked for in the context folder first', () => {
    expect(paths('web').find('/opt/app-root/src/src/main.js')).toBe(path.join('/home/me/app/web/src/main.js'));
    expect(paths('web').find('server.js')).toBe(path.join('/home/me/app/server.js'));
  });
});

describe('a repository', () => {
  test('is known by its remotes, whichever way they lead', () => {
    const config = '[core]\n\tbare = false\n[remote "origin"]\n\turl = git@git.example:team/app.git\n\tfetch = +refs\n[remote "fork"]\n  url = https://git.example/me/app\n';
    expect(remotesIn(config)).toEqual(['git@git.example:team/app.git', 'https://git.example/me/app']);
    for (const uri of ['https://git.example/team/app', 'https://me:secret@git.example/team/app.git', 'ssh://git@git.example:22/team/app.git/']) expect(sameRepository('git@git.example:team/app.git', uri)).toBe(true);
    expect(sameRepository('https://git.example/team/app', 'https://git.example/team/other')).toBe(false);
  });
});
