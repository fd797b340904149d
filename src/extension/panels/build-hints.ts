/** What users do wrong most often, told from what builders print: pure. */
import type { Translate } from '../explorer/node.ts';

export interface BuildHint {
  text: string;
  /** The file to look at, relative to the source. */
  file?: string;
}

export function buildHint(log: string, t: Translate): BuildHint | undefined {
  const npm = /404 Not Found - GET \S*\/([@\w%.-]+)|'([@\w/.-]+)@\S*' is not in this registry|No matching version found for ([@\w/.-]+?)@/.exec(log);
  const npmPackage = (npm?.[1] ?? npm?.[2] ?? npm?.[3])?.replaceAll('%2f', '/');
  const pip = /No matching distribution found for ([\w.[\]-]+)/.exec(log)?.[1];
  const module = /Cannot find module '([^'.][^']*)'|ModuleNotFoundError: No module named '([^']+)'/.exec(log);
  const rules: [RegExp, BuildHint][] = [
    [/missing script:? "?start|no start script/i, { text: t('package.json has no "start" script: add one, or set NPM_RUN.'), file: 'package.json' }],
    [/asks for a password|could not read Username|Authentication failed/i, { text: t('The repository asks for a password: name a source secret in the build config.') }],
    [/E404|404 Not Found|is not in this registry|ETARGET|No matching version/i, { text: npmPackage ? t('npm could not find "{0}". Is its name right?', npmPackage) : t('A package was not found. Is its name right?'), file: 'package.json' }],
    [/No matching distribution/i, { text: t('pip could not find "{0}". Is its name right?', pip ?? ''), file: 'requirements.txt' }],
    [/EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ETIMEDOUT|Temporary failure in name resolution|Connection refused|NewConnectionError/i, { text: t('A package registry could not be reached. Check the network, or name a mirror with NPM_MIRROR or PIP_INDEX_URL.'), file: '.s2i/environment' }],
    [/npm ci.*package-lock|lock file.*not.*in sync|can only install with an existing package-lock/i, { text: t('package-lock.json does not fit package.json: run "npm install" and build again.'), file: 'package.json' }],
    [/Cannot find module|No module named/i, { text: t('The module "{0}" is missing: name it among the dependencies.', module?.[1] ?? module?.[2] ?? '') }],
    [/ENOSPC|No space left on device/i, { text: t('The disk is full. Free some space and build again.') }],
    [/toolchain|not found on this machine|command not found/i, { text: t('A program that the build needs is missing. "Check This Machine" names the line that brings it.') }],
  ];
  return rules.find(([pattern]) => pattern.test(log))?.[1];
}
