export const codeServerFolder: string;
export const codeServerVersion: string;
export function installCodeServer(): string;
