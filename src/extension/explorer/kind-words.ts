import type { Translate } from './node.ts';

/** Kinds that everybody meets, in the user's language. */
export function kindWord(kind: string, t: Translate): string {
  switch (kind) {
    case 'DeploymentConfig':
      return t('Deployment config');
    case 'Deployment':
      return t('Deployment');
    case 'StatefulSet':
      return t('Stateful set');
    case 'DaemonSet':
      return t('Daemon set');
    case 'Service':
      return t('Service');
    case 'Route':
      return t('Route');
    case 'Build':
      return t('Build');
    case 'BuildConfig':
      return t('Build config');
    case 'ImageStream':
      return t('Image stream');
    default:
      return kind;
  }
}
