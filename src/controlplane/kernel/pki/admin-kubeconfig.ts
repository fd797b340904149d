import { writeKubeconfig } from '../../../client/kubeconfig.ts';
import type { Pki } from './pki.ts';

/** Writes the kubeconfig of `system:admin` (0600, whole or not at all): cluster, user and context `slipway`, credentials inside. */
export async function writeAdminKubeconfig(file: string, pki: Pick<Pki, 'caCertificate' | 'admin'>, server: string): Promise<void> {
  await writeKubeconfig(file, { name: 'slipway', server, ca: pki.caCertificate, certificate: pki.admin.certificate, key: pki.admin.key, namespace: 'default' });
}
