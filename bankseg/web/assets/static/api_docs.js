// Starts Swagger on our own description; nothing is fetched from elsewhere. Links inside its buttons would be read twice, so there are none.
const place = document.getElementById("swagger");
window.SwaggerUIBundle({ url: place.dataset.document, domNode: place, validatorUrl: null, deepLinking: false, defaultModelsExpandDepth: -1, supportedSubmitMethods: ["get"] });
