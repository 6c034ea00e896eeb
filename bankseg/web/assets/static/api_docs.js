// Starts Swagger on our own description; nothing is fetched from elsewhere.
const place = document.getElementById("swagger");
window.SwaggerUIBundle({ url: place.dataset.document, domNode: place, validatorUrl: null, deepLinking: true, supportedSubmitMethods: ["get"] });
