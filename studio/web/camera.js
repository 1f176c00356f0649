/* SPDX-License-Identifier: MIT
 * studio/web/camera.js: a photo from the camera: live on a computer, through the system's own camera on a phone. */
import { dialog, h, note } from "./dom.js";
import { t } from "./words.js";

/* A phone's camera program, by way of a file field. */
function fromSystem() {
  return new Promise((resolve) => {
    const field = h("input", { type: "file", accept: "image/*", capture: "user" });
    field.addEventListener("change", () => resolve(field.files[0] ?? null));
    field.addEventListener("cancel", () => resolve(null));
    field.click();
  });
}

function grab(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((resolve) =>
    canvas.toBlob((blob) => resolve(new File([blob], t("photo") + ".png", { type: "image/png" }))),
  );
}

export async function takePhoto() {
  if (matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices?.getUserMedia) return fromSystem();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "user" } });
  } catch {
    note(t("camera-none"), true);
    return null;
  }
  const video = h("video", { autoplay: true, muted: true, playsInline: true, class: "live" });
  video.srcObject = stream;
  const file = await dialog(t("camera-title"), (body, close) => {
    const shoot = h("button", { type: "button", class: "primary", onclick: async () => close(await grab(video)) }, t("shoot"));
    body.append(video, h("div", { class: "row end" }, shoot));
  });
  for (const track of stream.getTracks()) track.stop();
  return file;
}
