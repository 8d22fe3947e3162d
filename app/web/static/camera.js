/** The camera, asked for only when its button is pressed. */

import { el, find } from "./dom.js";
import { say } from "./language.js";
import { pageError, showError } from "./error_notice.js";

const FAULTS = { NotAllowedError: "photo.camera_refused", NotFoundError: "photo.camera_none" };

export class Camera {
  #section;
  #video;
  #snap;
  #toggle;

  /** `take` gets each picture as a JPEG. */
  constructor(section, take) {
    this.#section = section;
    this.#video = find("video", section);
    this.#snap = find(".snap", section);
    this.#toggle = find(".camera", section);
    this.#toggle.onclick = () => (this.#video.srcObject ? this.stop() : this.#start());
    this.#snap.onclick = () => this.#shot(take);
  }

  stop() {
    for (const track of this.#video.srcObject?.getTracks() ?? []) track.stop();
    this.#video.srcObject = null;
    this.#video.hidden = this.#snap.hidden = true;
    say(this.#toggle, "photo.camera");
  }

  async #start() {
    showError(this.#section);
    try {
      if (!navigator.mediaDevices) throw pageError("photo.camera_insecure"); // neither HTTPS nor this machine
      this.#video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      this.#video.hidden = false;
      await this.#video.play();
      this.#snap.hidden = false; // there is a picture only now
      say(this.#toggle, "photo.camera_off");
    } catch (fault) {
      this.stop();
      showError(this.#section, fault.name in FAULTS ? pageError(FAULTS[fault.name]) : fault);
    }
  }

  #shot(take) {
    const canvas = el("canvas", { width: this.#video.videoWidth, height: this.#video.videoHeight });
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    canvas.toBlob(take, "image/jpeg");
  }
}
