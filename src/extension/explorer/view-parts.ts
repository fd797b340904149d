import type { Session } from '../connections/session.ts';
import type { Platform } from '../daemon/platform.ts';
import type { ImageReader } from '../images/image-reader.ts';
import type { PortForwards } from '../forwards/port-forwards.ts';
import type { RebuildOnSave } from '../rebuild/rebuild-on-save.ts';

/** What the views show from. */
export interface ViewParts {
  session: Session;
  platform: Platform;
  images: ImageReader;
  rebuild: RebuildOnSave;
  forwards: PortForwards;
}
