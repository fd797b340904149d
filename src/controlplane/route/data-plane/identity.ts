import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** What a client is shown, from PEM, the chain behind its first certificate; throws for what cannot be used. */
export function identityOf(certificate: string, key: string): SecureContext {
  const context = createSecureContext({ cert: certificate, key });
  // TLS keeps a pair for each kind of key, and so does not notice a key of another kind.
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) throw new Error('the key is not the certificate\'s');
  return context;
}
