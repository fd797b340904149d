/** ImageStreamImport: looks images of other registries up, and puts them into a stream if asked to (`oc import-image`, `oc new-app --image`). */
import { imageStreamImports, type ImageStreamImport } from '../../api/kinds/image.ts';
import type { VirtualKind } from '../kernel/apiserver/kind.ts';
import { readImport } from './import-request.ts';
import type { StreamImports } from './stream-imports.ts';

export function imageStreamImportKind(imports: StreamImports): VirtualKind<ImageStreamImport> {
  return {
    type: 'virtual',
    resource: imageStreamImports,
    create({ namespace = '', dryRun, signal }, object) {
      const request = readImport(object);
      return imports.run(dryRun ? { ...request, spec: { ...request.spec, import: false } } : request, namespace, signal);
    },
  };
}
