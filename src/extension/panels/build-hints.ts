/** What users do wrong most often, told from what builders print. */
import * as vscode from 'vscode';

export function buildHint(log: string): string | undefined {
  const t = vscode.l10n.t;
  const module = /(?:Cannot find module|404 Not Found - GET \S*\/|No matching distribution found for )\s*'?([\w@/.-]+)/.exec(log)?.[1];
  const rules: [RegExp, string][] = [
    [/missing script:? "?start|no start script/i, t('package.json has no "start" script: add one, or set NPM_RUN.')],
    [/E404|404 Not Found|No matching distribution/i, module ? t('The package "{0}" was not found. Is its name right?', module) : t('A package was not found. Is its name right?')],
    [/EAI_AGAIN|ENOTFOUND|ECONNREFUSED|Temporary failure in name resolution|Connection refused/i, t('A package registry could not be reached. Check the network, or name a mirror with NPM_MIRROR or PIP_INDEX_URL.')],
    [/npm ci.*package-lock|lock file.*not.*in sync/i, t('package-lock.json does not fit package.json: run "npm install" and build again.')],
    [/ENOSPC|No space left on device/i, t('The disk is full. Free some space and build again.')],
    [/could not read Username|Authentication failed|asks for a password/i, t('The repository asks for a password: name a source secret in the build config.')],
  ];
  return rules.find(([pattern]) => pattern.test(log))?.[1];
}
