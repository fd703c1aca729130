import type { CatalogServiceService } from "@row/gen/grpc/shop/catalog/v1/catalog_service.ts";
import type { Handlers } from "@row/runtime/rpc/handler.ts";
import type { Dependencies } from "./dependencies.ts";
import { batchGetProducts } from "./rpc/batch-get-products.ts";
import { changePrice } from "./rpc/change-price.ts";
import { createProduct } from "./rpc/create-product.ts";
import { getProduct } from "./rpc/get-product.ts";
import { listCategories } from "./rpc/list-categories.ts";
import { listProducts } from "./rpc/list-products.ts";
import { searchProducts } from "./rpc/search-products.ts";
import { updateProduct } from "./rpc/update-product.ts";

export function catalogService(dependencies: Dependencies): Handlers<CatalogServiceService> {
  return {
    getProduct: getProduct(dependencies),
    batchGetProducts: batchGetProducts(dependencies),
    listProducts: listProducts(dependencies),
    searchProducts: searchProducts(dependencies),
    listCategories: listCategories(dependencies),
    createProduct: createProduct(dependencies),
    updateProduct: updateProduct(dependencies),
    changePrice: changePrice(dependencies),
  };
}
