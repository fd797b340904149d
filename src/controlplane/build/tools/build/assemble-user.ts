/** Who runs assemble, and whether the platform lets it (source-to-image pkg/docker/util.go, CheckAllowedUser). */
import { buildVariables } from '../../build-pod-contract.ts';
import type { BuilderImage } from './builder-image.ts';
import { assembleUserForbidden } from './failure.ts';

/** The label of the image, else its `USER`. */
export function assembleUser({ labels, image }: Pick<BuilderImage, 'labels' | 'image'>): string {
  return labels['io.openshift.s2i.assemble-user'] || (image.config.config?.User ?? '');
}

/** Throws unless the user is a number in the ranges; no ranges allow everybody, names included. */
export function checkAssembleUser(builder: BuilderImage, reference: string, env: NodeJS.ProcessEnv): void {
  const allowed = env[buildVariables.allowedUids] ?? '';
  const user = assembleUser(builder);
  if (allowed === '' || isAllowed(user, allowed)) return;
  throw assembleUserForbidden(reference, user, allowed);
}

/** `ranges`: `1-`, `-100`, `1-10,1001`. Nobody named is root. */
export function isAllowed(user: string, ranges: string): boolean {
  const [who = ''] = user.split(':');
  if (!/^\d*$/.test(who)) return false;
  const uid = Number(who);
  return ranges.split(',').some((range) => {
    const [, from = '', dash, to = ''] = /^\s*(\d*)(-?)(\d*)\s*$/.exec(range) ?? [];
    if (from === '' && to === '') return false;
    return dash ? uid >= Number(from || 0) && uid <= (to === '' ? Infinity : Number(to)) : uid === Number(from);
  });
}
