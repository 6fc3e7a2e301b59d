/// The files of the sale page, as they are in this folder.
package enum PageFiles {
    package static let html = PackageResources.index_html
    package static let script = PackageResources.page_js
    package static let style = PackageResources.page_css
    /// By the language's code.
    package static let languages = ["de": PackageResources.de_json, "en": PackageResources.en_json]
}
