/** Object URLs of files. */

import { useEffect, useState } from "../vendor/preact.js";

/** Return a URL of a file while it is shown, or null until it is known. Later it is revoked. @param {File|null} file @returns {string|null} */
export function useFileUrl(file) {
  const [known, setKnown] = useState(/** @type {{file: File, url: string}|null} */ (null));
  useEffect(() => {
    if (!file) return undefined;
    const url = URL.createObjectURL(file);
    setKnown({ file, url });
    return () => {
      URL.revokeObjectURL(url);
      setKnown(null); // the same file can be shown again, with another URL
    };
  }, [file]);
  return known && known.file === file ? known.url : null;
}
