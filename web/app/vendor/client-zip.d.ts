/** Types of client-zip.js. They are not deployed. */
export { downloadZip } from "client-zip";
