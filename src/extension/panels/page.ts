/** The frame of a panel's page: its files, its policy (scripts by nonce only), and messages that wait until the page is there. */
import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

export interface Page<ToPage> extends vscode.Disposable {
  send(message: ToPage): void;
}

/** `onMessage` gets what the page says; a page that is shown again says `ready` again. What is sent once it is disposed goes nowhere: work may end after its page. */
export function openPage<ToPage, FromPage>(view: { webview: vscode.Webview }, extension: vscode.Uri, name: string, title: string, onMessage: (message: FromPage) => void): Page<ToPage> {
  const folder = vscode.Uri.joinPath(extension, 'dist', 'webviews');
  view.webview.options = { enableScripts: true, localResourceRoots: [folder] };
  const file = (path: string) => view.webview.asWebviewUri(vscode.Uri.joinPath(folder, path)).toString();
  const nonce = randomBytes(16).toString('base64');
  const source = view.webview.cspSource;
  const listening = view.webview.onDidReceiveMessage(onMessage);
  view.webview.html = `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${source} 'nonce-${nonce}'; font-src ${source}; script-src 'nonce-${nonce}';">
<meta name="viewport" content="width=device-width, initial-scale=1.0">
<title>${title}</title>
<link rel="stylesheet" href="${file('codicon.css')}">
<link rel="stylesheet" href="${file(`${name}.css`)}">
</head>
<body>
<script nonce="${nonce}" src="${file(`${name}.js`)}"></script>
</body>
</html>`;
  let gone = false;
  return {
    send: (message) => void (gone || view.webview.postMessage(message)),
    dispose() {
      gone = true;
      listening.dispose();
    },
  };
}
